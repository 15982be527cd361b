package sparksql

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"tributary/internal/table"
)

// rows is a query's result. It holds a session until it is closed.
type rows struct {
	lake    *Lake
	inner   *sql.Rows
	columns []table.Column
	ctx     context.Context //nolint:containedctx // of the statement, which ends with the result
	close   func() error
	err     error
}

func (l *Lake) newRows(ctx context.Context, inner *sql.Rows, closeAll func() error) (*rows, error) {
	types, err := inner.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &rows{lake: l, inner: inner, ctx: ctx, close: closeAll, columns: make([]table.Column, len(types))}
	for i, t := range types {
		r.columns[i] = table.Column{Name: t.Name(), Type: resultType(t), Nullable: true}
	}
	return r, nil
}

// resultType is the central type of a result's column; what Tributary has no word for is text.
func resultType(t *sql.ColumnType) table.Type {
	name := strings.ToUpper(t.DatabaseTypeName())
	if strings.HasPrefix(name, "DECIMAL") {
		return "decimal" // the driver does not say which
	}
	for central, sqlName := range sqlTypes {
		if name == sqlName {
			return central
		}
	}
	return table.String
}

// Columns implements lake.Rows.
func (r *rows) Columns() []table.Column { return r.columns }

// Next implements lake.Rows.
func (r *rows) Next() ([]any, bool) {
	if r.err != nil || !r.inner.Next() {
		return nil, false
	}
	values, err := scanRow(r.inner, len(r.columns))
	if err != nil {
		r.err = err
		return nil, false
	}
	for i, value := range values {
		values[i] = natural(value)
	}
	return values, true
}

// Err implements lake.Rows.
func (r *rows) Err() error {
	return r.lake.translate(r.ctx, errors.Join(r.err, r.lake.failed(r.ctx, r.inner.Err())))
}

// Close implements lake.Rows.
func (r *rows) Close() error { return r.close() }

// natural makes a driver's value one of lake.Rows.
func natural(value any) any {
	switch v := value.(type) {
	case int8:
		return int64(v)
	case int16:
		return int64(v)
	case int32:
		return int64(v)
	case int:
		return int64(v)
	case float32:
		return float64(v)
	case sql.RawBytes:
		return append([]byte{}, v...)
	case time.Time:
		return v.UTC()
	}
	return value
}

// instant is a time in UTC; the zero time for NULL.
func instant(value any) time.Time {
	t, _ := value.(time.Time)
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
