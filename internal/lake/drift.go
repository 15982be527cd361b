package lake

import (
	"fmt"
	"strings"

	"tributary/internal/table"
)

// Evolve returns the schema that a central table has once the batches are in it: its own columns, then the
// batches' new ones as each batch's drift policy allows. Every column is nullable, because a client may lack
// it. A nil schema is a table still to be made. A batch that does not fit is ErrSchema.
//
// widens says whether the lake can change a column of an existing table from one type to another that holds its
// values exactly; nil says that it cannot.
func Evolve(current table.Schema, batches []table.Batch, widens func(from, to table.Type) bool) (table.Schema, error) {
	batches, err := withVersions(current, batches)
	if err != nil {
		return nil, err
	}
	schema := append(table.Schema(nil), current...)
	for _, batch := range batches {
		evolves := batch.Drift == "" || batch.Drift == table.DriftEvolve
		for _, column := range batch.Schema {
			i := schema.Find(column.Name)
			switch {
			case i < 0 && (current == nil || evolves):
				column.Nullable = true
				schema = append(schema, column)
			case i < 0 && batch.Drift == table.DriftIgnore:
			case i < 0:
				return nil, Misfit(batch, "the source has a new column %q of type %s, and drift is %q: "+
					"exclude it, or set drift to evolve or ignore", column.Name, column.Type, batch.Drift)
			case column.Type.Fits(schema[i].Type):
			case i >= len(current) && schema[i].Type.Fits(column.Type): // not yet in the table: the wider one is made
				schema[i].Type = column.Type
			case evolves && widens != nil && schema[i].Type.Fits(column.Type) && widens(current[i].Type, column.Type):
				schema[i].Type = column.Type
			case !evolves && widens != nil && schema[i].Type.Fits(column.Type) && widens(schema[i].Type, column.Type):
				return nil, Misfit(batch, "column %q is %s at the source and %s in the table, which cannot hold it exactly, and drift is %q: "+
					"set drift to evolve, and the table's column becomes wider", column.Name, column.Type, schema[i].Type, batch.Drift)
			default:
				return nil, Misfit(batch, "column %q is %s at the source and %s in the table, which cannot hold it exactly: "+
					"convert it with a transform, or rebuild the table", column.Name, column.Type, schema[i].Type)
			}
		}
	}
	return schema, nil
}

// DriftNote says what merging a batch changes in a table's columns, or leaves out of them; "" when nothing, and of a table that is still to
// be made. A column that was renamed at the source is one that is new, beside one that the source lacks.
func DriftNote(current table.Schema, batch table.Batch) string {
	if current == nil {
		return ""
	}
	var added, widened, lacking []string
	for _, column := range batch.Schema {
		i := current.Find(column.Name)
		switch {
		case i < 0:
			added = append(added, column.Name)
		case !column.Type.Fits(current[i].Type):
			widened = append(widened, fmt.Sprintf("%s (%s to %s)", column.Name, current[i].Type, column.Type))
		}
	}
	for _, column := range current {
		if batch.Schema.Find(column.Name) < 0 && (batch.History == "" || table.Versions().Find(column.Name) < 0) {
			lacking = append(lacking, column.Name)
		}
	}
	var parts []string
	switch {
	case len(added) > 0 && batch.Drift == table.DriftIgnore:
		parts = append(parts, strings.Join(added, ", ")+" left out (drift is ignore)")
	case len(added) > 0:
		parts = append(parts, strings.Join(added, ", ")+" added")
	}
	if len(widened) > 0 {
		parts = append(parts, strings.Join(widened, ", ")+" made wider")
	}
	if len(added) > 0 && len(lacking) > 0 {
		parts = append(parts, fmt.Sprintf("the source has no %s (a rename is taken as drop + add: new rows are NULL there, and rows that are not read again "+
			"keep what they have)", strings.Join(lacking, ", ")))
	}
	if len(parts) == 0 {
		return ""
	}
	return "columns of " + batch.Ref.Table + ": " + strings.Join(parts, "; ")
}

// Misfit is ErrSchema about a batch.
func Misfit(batch table.Batch, format string, args ...any) error {
	return fmt.Errorf("%w: client %s, table %s.%s: %s", ErrSchema, batch.Ref.Client, batch.Ref.Schema, batch.Ref.Table,
		fmt.Sprintf(format, args...))
}

// Incomplete is ErrBatch about a batch.
func Incomplete(batch table.Batch, format string, args ...any) error {
	return fmt.Errorf("%w: client %s, table %s.%s, batch %s: %s", ErrBatch, batch.Ref.Client, batch.Ref.Schema,
		batch.Ref.Table, batch.ID, fmt.Sprintf(format, args...))
}
