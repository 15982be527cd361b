package mariadb

import (
	"context"
	"fmt"
	"time"

	"tributary/internal/table"
)

// manyFuture is how many rows in the future are counted, and futureTime how many seconds that may take: without an index on the
// cursor it would be a scan of the table, and nothing is noted.
const (
	manyFuture = 1000
	futureTime = 0.2
)

// noteFuture notes how many rows have a cursor in the future. They are not read until their time has come: once the lake had such a row, it would take
// the corrected one for older, and refuse it. A minute, or a day of a date, is what clocks and zones differ by.
func (e *extraction) noteFuture(ctx context.Context, now time.Time) error {
	from := now.Add(worthNoting)
	if e.req.Plan.CursorKind == table.CursorDate {
		from = now.Add(day)
	}
	bound, _ := e.parameter(e.req.Plan.CursorKind, e.highAt(from), false)
	var rows int
	err := e.session.conn.QueryRowContext(ctx, fmt.Sprintf("SET STATEMENT max_statement_time = %g FOR SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s >= %s LIMIT %d) future",
		futureTime, e.from(), table.Quote(e.cursor.Source, table.Backtick), table.Literal(fmt.Sprint(bound)), manyFuture)).Scan(&rows)
	if err != nil {
		return ignoreServers(err) // it took too long, or is not known here: there is no note
	}
	if rows > 0 {
		more := ""
		if rows == manyFuture {
			more = " or more"
		}
		e.notef("%d%s rows have a cursor (%s) in the future, after %s: they are read when that time has come; correct them at the source",
			rows, more, e.cursor.Name, e.highAt(from))
	}
	return nil
}
