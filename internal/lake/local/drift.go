package local

import (
	"fmt"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// evolve returns the schema that the central table has once the batches are in it: its own columns, then the
// batches' new ones as each batch's drift policy allows. Every column is nullable, because a client may
// lack it. A batch that does not fit is lake.ErrSchema. A nil schema is a table still to be made.
func evolve(current table.Schema, batches []table.Batch) (table.Schema, error) {
	schema := append(table.Schema(nil), current...)
	for _, batch := range batches {
		for _, column := range batch.Schema {
			if reserved(column.Name) {
				return nil, misfit(batch, "column %q has a name that the lake uses itself: rename it", column.Name)
			}
			i := schema.Find(column.Name)
			switch {
			case i < 0 && (current == nil || batch.Drift == "" || batch.Drift == table.DriftEvolve):
				column.Nullable = true
				schema = append(schema, column)
			case i < 0 && batch.Drift == table.DriftIgnore:
			case i < 0:
				return nil, misfit(batch, "the source has a new column %q of type %s, and drift is %q: "+
					"exclude it, or set drift to evolve or ignore", column.Name, column.Type, batch.Drift)
			case fits(column.Type, schema[i].Type):
			case i >= len(current) && fits(schema[i].Type, column.Type): // not yet in the table: the wider one is made
				schema[i].Type = column.Type
			default:
				return nil, misfit(batch, "column %q is %s at the source and %s in the table, which cannot hold it exactly: "+
					"convert it with a transform, or rebuild the table", column.Name, column.Type, schema[i].Type)
			}
		}
	}
	return schema, nil
}

func misfit(batch table.Batch, format string, args ...any) error {
	return fmt.Errorf("%w: client %s, table %s.%s: %s", lake.ErrSchema, batch.Ref.Client, batch.Ref.Schema, batch.Ref.Table,
		fmt.Sprintf(format, args...))
}

func incomplete(batch table.Batch, format string, args ...any) error {
	return fmt.Errorf("%w: client %s, table %s.%s, batch %s: %s", lake.ErrBatch, batch.Ref.Client, batch.Ref.Schema,
		batch.Ref.Table, batch.ID, fmt.Sprintf(format, args...))
}
