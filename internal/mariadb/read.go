package mariadb

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"
)

func (e *extraction) drain(conn driver.ConnPrepareContext, conv *converters, out *output) error {
	e.told = time.Now()
	stmt, rows, err := e.start(conn)
	if err != nil {
		return err
	}
	if e.recast(rows) { // go-mysql-server: ask for these columns in another way
		if err := errors.Join(rows.Close(), stmt.Close()); err != nil {
			return err
		}
		if stmt, rows, err = e.start(conn); err != nil {
			return err
		}
	}
	if err := e.each(rows, conv, out); err != nil {
		e.session.cancel() // closing the rows would otherwise read all the others first
		return err
	}
	return errors.Join(rows.Close(), stmt.Close())
}

func (e *extraction) start(conn driver.ConnPrepareContext) (driver.Stmt, driver.Rows, error) {
	query, args := e.query(e.w)
	stmt, err := conn.PrepareContext(e.session.ctx, query)
	if err != nil {
		return nil, nil, err
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(e.session.ctx, args)
	return stmt, rows, err
}

// recast marks the columns of which the server announces fewer fractional digits than they have: the
// driver cuts values off at what is announced. go-mysql-server does so for TIMESTAMP, but not for DATETIME.
func (e *extraction) recast(rows driver.Rows) bool {
	announced, ok := rows.(driver.RowsColumnTypePrecisionScale)
	if !ok || e.casts != nil {
		return false
	}
	casts := map[string]bool{}
	for i, c := range e.req.Plan.Columns {
		t := parseType(c.SourceType)
		if t.base != "timestamp" && t.base != "datetime" {
			continue
		}
		if _, digits, ok := announced.ColumnTypePrecisionScale(i); ok && digits < int64(t.arg(0, 0)) {
			casts[c.Source] = true
		}
	}
	e.casts = casts
	return len(casts) > 0
}

// each appends every row, and sends a batch off whenever one is full.
func (e *extraction) each(rows driver.Rows, conv *converters, out *output) error {
	dest := make([]driver.Value, len(e.req.Plan.Columns))
	if got := len(rows.Columns()); got != len(dest) {
		return fmt.Errorf("the query returned %d columns, not %d", got, len(dest))
	}
	for {
		switch err := rows.Next(dest); {
		case errors.Is(err, io.EOF):
			return out.send(conv.flush())
		case err != nil:
			return err
		}
		if err := conv.append(dest); err != nil {
			return err
		}
		e.rows++
		if conv.full() {
			e.bytes += conv.size
			if err := out.send(conv.flush()); err != nil {
				return err
			}
		}
		if e.rows%16 == 0 { // asking for the time on every row would cost a twentieth
			e.tell(conv.size)
		}
	}
}

func (e *extraction) tell(pending int64) {
	if e.req.Progress == nil || time.Since(e.told) < time.Second {
		return
	}
	e.told = time.Now()
	e.req.Progress(e.rows, e.bytes+pending)
}
