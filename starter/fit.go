package main

import (
	"fmt"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// checkFit says why rows of a schema cannot be merged into a central table as it is, under a drift policy. widens is what the
// lake can change in place, or nil.
func checkFit(central lake.Table, schema table.Schema, drift string, widens func(from, to table.Type) bool) error {
	for _, column := range schema {
		i := central.Columns.Find(column.Name)
		switch {
		case i < 0 && drift == table.DriftFail:
			return fmt.Errorf("%w: the source has a new column %q of type %s, and drift is fail: exclude it, or set drift to evolve or ignore",
				lake.ErrSchema, column.Name, column.Type)
		case i < 0 || column.Type.Fits(central.Columns[i].Type):
		case drift == table.DriftEvolve && widens != nil && central.Columns[i].Type.Fits(column.Type) && widens(central.Columns[i].Type, column.Type):
		default:
			return fmt.Errorf("%w: column %q is %s at the source and %s in the central table %s.%s, which cannot hold it exactly: convert it with a transform, or rebuild the table",
				lake.ErrSchema, column.Name, column.Type, central.Columns[i].Type, central.Schema, central.Name)
		}
	}
	return nil
}
