package mariadb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"tributary/internal/table"
)

// firstDate is the first date that Delta and Parquet have; what is below is a zero date, and counts as NULL.
const firstDate = "0001-01-01"

// firstTimestamp is the first time that a TIMESTAMP column has but for the zero one. Compared with an earlier one, which is none of
// its type, the server reads the whole table instead of the index.
const firstTimestamp = "1970-01-01 00:00:01"

// first is the first value of the cursor that is no zero date.
func (e *extraction) first() string {
	if e.cursorType.base == "timestamp" {
		return firstTimestamp
	}
	return firstDate
}

// CheckQuery prepares the table's SELECT and runs nothing: a where that does not parse or names
// an unknown column is ErrQuery.
func (s *Source) CheckQuery(ctx context.Context, spec table.Spec, plan table.Plan) error {
	e, err := s.extraction(ExtractRequest{Spec: spec, Plan: plan})
	if err != nil {
		return tableError(s.client, spec.Name, err)
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return tableError(s.client, spec.Name, classify(err))
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(raw any) error {
		if err := e.checkWhere(ctx, raw.(driver.ConnPrepareContext)); err != nil {
			return err
		}
		query, _ := e.query(table.Window{})
		return prepares(ctx, raw.(driver.ConnPrepareContext), query)
	})
	return tableError(s.client, spec.Name, classify(err))
}

// checkWhere prepares the where without the parentheses that it gets in the query: "a) OR (b" would parse
// with them and undo the window.
func (e *extraction) checkWhere(ctx context.Context, conn driver.ConnPrepareContext) error {
	if e.req.Spec.Where == "" {
		return nil
	}
	for _, form := range []string{"%s", "(%s\n)"} {
		err := prepares(ctx, conn, "SELECT 1 FROM "+e.from()+" WHERE "+fmt.Sprintf(form, e.req.Spec.Where))
		if n := code(err); slices.Contains(queryCodes, n) || n == 1105 {
			return fmt.Errorf("%w: where %q: %w", ErrQuery, e.req.Spec.Where, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func prepares(ctx context.Context, conn driver.ConnPrepareContext, query string) error {
	stmt, err := conn.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	return stmt.Close()
}

func (e *extraction) from() string { return table.Quote(e.req.Spec.Name, table.Backtick) }

// query builds the SELECT of a window, or of a chunk of it, and its parameters. There is no ORDER BY: InnoDB reads a whole
// table in the order of its primary key anyway, and a window in the order of its index.
func (e *extraction) query(w table.Window) (string, []driver.NamedValue) {
	columns := make([]string, len(e.req.Plan.Columns))
	for i, c := range e.req.Plan.Columns {
		columns[i] = columnSQL(c)
	}
	var conditions []string
	condition, args := e.windowCondition(w)
	if condition != "" {
		conditions = append(conditions, "("+condition+")")
	}
	if e.req.Spec.Where != "" { // on lines of its own: it may end in a comment
		conditions = append(conditions, "(\n"+e.req.Spec.Where+"\n)")
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + e.from()
	if e.within != "" {
		query += " FORCE INDEX (PRIMARY)" // an index over the cursor would bring the rows of all chunks
		conditions = append(conditions, e.within)
	}
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return query, named
}

// windowCondition is the window as SQL, with what on_null_cursor adds.
func (e *extraction) windowCondition(w table.Window) (string, []driver.Value) {
	if w.Full() {
		return "", nil
	}
	column := table.Quote(e.cursor.Source, table.Backtick)
	var parts []string
	var args []driver.Value
	bound := func(op, text string, isLow bool) {
		if text == "" {
			return
		}
		value, fixed := e.parameter(w.Kind, text, isLow)
		if fixed != "" {
			parts = append(parts, fixed)
			return
		}
		parts = append(parts, column+" "+op+" ?")
		args = append(args, value)
	}
	low := w.Low
	switch {
	case low != "":
	case !e.cursorType.temporal():
		parts = append(parts, column+" IS NOT NULL")
	case w.High == "" || !e.readsNulls(): // with the zero dates, all that is below high is read, and the server compares once less per row
		parts = append(parts, column+" >= '"+e.first()+"'")
	}
	bound(">=", low, true)
	bound("<", w.High, false)
	condition := strings.Join(parts, " AND ")
	if e.readsNulls() {
		condition = "(" + condition + ") OR " + e.nullCursor()
	}
	return condition, args
}

// readsNulls says whether rows without a cursor are read: a backfill is a range, and they are in none.
func (e *extraction) readsNulls() bool {
	backfill := e.req.From != "" || e.req.To != ""
	return !backfill && e.req.Spec.OnNullCursor != table.NullExclude && e.req.Spec.OnNullCursor != table.NullFail
}

// nullCursor is true for rows whose cursor is NULL or a zero date.
func (e *extraction) nullCursor() string {
	column := table.Quote(e.cursor.Source, table.Backtick)
	if !e.cursorType.temporal() {
		return column + " IS NULL"
	}
	return column + " IS NULL OR " + column + " < '" + e.first() + "'"
}

// parameter is a bound as the server compares it; fixed replaces the comparison where the
// bound is beyond what any integer column holds.
func (e *extraction) parameter(kind, text string, isLow bool) (value driver.Value, fixed string) {
	switch kind {
	case table.CursorString:
		text, _ = table.StringBound(text)
	case table.CursorInteger:
		n, _ := new(big.Int).SetString(text, 10)
		switch {
		case n.IsInt64():
			return n.Int64(), ""
		case n.IsUint64():
			return n.Uint64(), ""
		case (n.Cmp(big.NewInt(math.MinInt64)) < 0) == isLow: // below everything as a low, above everything as a high
			return nil, "TRUE"
		}
		return nil, "FALSE"
	case table.CursorTime:
		t, _ := time.Parse(timeLayout, text)
		if e.cursorType.base == "datetime" && isLow {
			return earliestWall(t, e.zone).Format(timeLayout), ""
		}
		if e.cursorType.base == "datetime" {
			return latestWall(t, e.zone).Format(timeLayout), ""
		}
	}
	return text, ""
}
