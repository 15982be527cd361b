package activities

import (
	"context"

	"tributary/internal/lake"
	"tributary/internal/mariadb"
	"tributary/internal/table"
)

// planOf plans the table. A column that the lake cannot name fails it before anything is read.
func (a *Activities) planOf(ctx context.Context, source *mariadb.Source, in ExtractInput) (table.Plan, error) {
	planned, err := source.Plan(ctx, []table.Spec{in.Spec})
	if err != nil {
		return table.Plan{}, err
	}
	plan := planned[0].Plan
	plan.Watermark = in.Watermark
	if planned[0].Err != nil {
		return plan, planned[0].Err
	}
	names, _ := lake.As[lake.Namer](a.Lake)
	return plan, lake.CheckNames(names, in.Spec, plan)
}
