package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tributary/internal/table"
)

// markReplica holds the mark back to the largest cursor that has arrived. A replica commits in its primary's order, so what is still to
// come was committed after that row; how far behind the replica is, and whether it knows, plays no part. The overlap covers how
// much earlier than its commit a row's cursor was set: no server sees the transactions that are open on another.
func (e *extraction) markReplica(ctx context.Context, now time.Time) error {
	at, ok, err := e.newest(ctx, now)
	if err != nil {
		return err
	}
	if !ok {
		e.mark = "" // nothing has arrived
		return nil
	}
	if arrived := e.markAt(at); e.mark != "" && arrived < e.mark {
		e.mark = arrived
	}
	return nil
}

// newest is the largest cursor that is not in the future, as the earliest time that it may mean; ok is false when there is none.
func (e *extraction) newest(ctx context.Context, now time.Time) (at time.Time, ok bool, err error) {
	column := table.Quote(e.cursor.Source, table.Backtick)
	end, _ := e.parameter(e.req.Plan.CursorKind, e.highAt(now), false)
	text, err := e.max(ctx, " WHERE "+column+" >= '"+e.first()+"' AND "+column+" < ?", end)
	if err != nil || !text.Valid {
		return at, false, err
	}
	if e.req.Plan.CursorKind == table.CursorDate {
		at, err = time.ParseInLocation(dateLayout, text.String, e.zone)
		return at, err == nil, err
	}
	if at, err = time.Parse(time.DateTime, text.String); err != nil {
		return at, false, fmt.Errorf("%w: largest %s is %q, which is no time", ErrValue, e.cursor.Name, text.String)
	}
	if e.cursorType.base == "datetime" {
		clock := wallClock{zone: e.zone}
		at = time.UnixMicro(clock.utc(at.UnixMicro())).UTC()
	}
	return at, true, nil
}

// replication says whether the server is a replica, by its configuration where the account may see that (REPLICA MONITOR), or else by
// signs: it is read-only, replication runs, or it has applied another server's transactions. To take a primary for a replica costs only that rows
// before the newest are read again.
func (c *session) replication(ctx context.Context) (replica bool, stopped string, err error) {
	rows, err := c.conn.QueryContext(ctx, "SHOW ALL SLAVES STATUS")
	if err != nil {
		if err := unlessUnseen(err); err != nil {
			return false, "", err
		}
		replica, err = c.looksLikeReplica(ctx)
		return replica, "", err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return false, "", err
	}
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return false, "", err
		}
		replica = true
		for i, name := range columns {
			if strings.HasSuffix(name, "_Running") && values[i].String == "No" {
				stopped = fmt.Sprintf("replication is stopped (%s: No): rows arrive only when it goes on", name)
			}
		}
	}
	return replica, stopped, rows.Err()
}

func (c *session) looksLikeReplica(ctx context.Context) (bool, error) {
	var replica bool
	err := c.conn.QueryRowContext(ctx, "SELECT @@global.read_only <> 0 OR @@global.gtid_slave_pos <> '' OR EXISTS (SELECT 1"+
		" FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'SLAVES_RUNNING' AND VARIABLE_VALUE > 0)").Scan(&replica)
	return replica, unlessUnseen(err)
}
