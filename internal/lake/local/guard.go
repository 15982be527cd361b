package local

import (
	"context"
	"fmt"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// guard refuses a reload that would delete too many of its client's rows. It counts those that addMissing found; the
// client's rows are counted only when there are enough of them to matter.
func (m *merge) guard(ctx context.Context, b int) error {
	batch := m.src.batches[b]
	missing, err := m.countOne(ctx, fmt.Sprintf("SELECT count(*) FROM changed WHERE b = %d AND r IS NULL", b))
	if err != nil || !lake.Guarded(batch, missing) {
		return err
	}
	all, err := m.countOne(ctx, fmt.Sprintf("SELECT count(*) FROM (%s) t WHERE t.%s = %s AND t.%s = %s",
		m.files.scan([]string{table.ClientColumn, table.RegionColumn}, nil), quote(table.ClientColumn), table.Literal(batch.Ref.Client),
		quote(table.RegionColumn), table.Literal(batch.Ref.Region)))
	if err != nil {
		return err
	}
	return lake.CheckDeletes(batch, missing, all)
}

func (m *merge) countOne(ctx context.Context, query string) (n int64, err error) {
	err = m.each(ctx, query, func(v []any) error {
		n = integer(v[0])
		return nil
	})
	return n, err
}
