package local

import (
	"database/sql"
	"fmt"
	"time"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// rows are a query's result.
type rows struct {
	rows    *sql.Rows
	columns []table.Column
	natural []bool // by column: its values are those of lake.Rows, else they are given as text
	values  []any
	targets []any
	err     error
	close   func() error
}

var _ lake.Rows = (*rows)(nil)

func newRows(result *sql.Rows, closeAll func() error) (*rows, error) {
	types, err := result.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &rows{rows: result, close: closeAll, values: make([]any, len(types)), targets: make([]any, len(types))}
	for i, t := range types {
		r.targets[i] = &r.values[i]
		column := table.Column{Name: t.Name(), Type: table.String, Nullable: true}
		name := t.DatabaseTypeName()
		if name == "TIMESTAMPTZ" {
			name = duckType(table.Timestamp)
		}
		central, ok := centralType(name)
		if name == "HUGEINT" || name == "UHUGEINT" { // the type of sums of integers
			central, ok = table.Decimal(38, 0), true
		}
		if ok {
			column.Type = central
		}
		r.columns, r.natural = append(r.columns, column), append(r.natural, ok)
	}
	return r, nil
}

// Columns implements lake.Rows. A type that no central table can have is string.
func (r *rows) Columns() []table.Column { return r.columns }

// Next implements lake.Rows. The values are the caller's.
func (r *rows) Next() ([]any, bool) {
	if r.err != nil || !r.rows.Next() {
		return nil, false
	}
	if r.err = r.rows.Scan(r.targets...); r.err != nil {
		return nil, false
	}
	out := make([]any, len(r.values))
	for i, v := range r.values {
		out[i] = r.value(i, v)
	}
	return out, true
}

func (r *rows) value(i int, v any) any {
	v = natural(v)
	switch x := v.(type) {
	case nil:
		return nil
	case uint64:
		return fmt.Sprint(x)
	case int64, float64, bool, string, time.Time:
		return v
	case []byte:
		if r.natural[i] && r.columns[i].Type == table.Binary {
			return v
		}
	}
	return fmt.Sprint(v)
}

// Err implements lake.Rows.
func (r *rows) Err() error {
	if r.err != nil {
		return r.err
	}
	return classify(r.rows.Err())
}

// Close implements lake.Rows.
func (r *rows) Close() error { return r.close() }
