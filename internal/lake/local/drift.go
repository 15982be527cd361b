package local

import (
	"tributary/internal/lake"
	"tributary/internal/table"
)

// evolve is lake.Evolve for tables that no type widening is allowed in: reader 1, writer 2.
func evolve(current table.Schema, batches []table.Batch) (table.Schema, error) {
	for _, batch := range batches {
		for _, column := range batch.Schema {
			if reserved(column.Name) {
				return nil, lake.Misfit(batch, "column %q has a name that the lake uses itself: rename it", column.Name)
			}
		}
	}
	return lake.Evolve(current, batches, nil)
}
