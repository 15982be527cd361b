package mariadb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"tributary/internal/table"
)

// ExtractRequest is what one run of one client table reads, and where it leaves it.
type ExtractRequest struct {
	Spec table.Spec
	Plan table.Plan
	// Dir is a folder of this run's own. It is made when missing and emptied first: what an earlier
	// attempt left is not trusted.
	Dir string
	// From and To are a backfill's bounds, in the canonical text of table.Window; they replace the window after
	// the watermark, and an empty one is open. Both empty: not a backfill.
	From, To string
	// Progress, unless nil, is called about once a second while rows arrive, from the reading goroutine, with the
	// rows read and the bytes of their values so far.
	Progress func(rows, bytes int64)
}

// Extract reads one window of one client table into Arrow IPC stream files in req.Dir: at least one file,
// each of about a million rows at the most. It holds a few record batches of about 8 MiB in memory. On an error
// nothing is left in the folder, and a repeat begins anew. When ctx ends, the query is killed at the server.
//
// ErrDenied, ErrMissing, ErrUnsupported, ErrQuery and ErrValue are permanent; other errors are worth a retry.
func (s *Source) Extract(ctx context.Context, req ExtractRequest) (table.Raw, error) {
	raw, err := s.extract(ctx, req)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("stopped: %w", context.Cause(ctx))
	}
	return raw, tableError(s.client, req.Spec.Name, classify(err))
}

func (s *Source) extract(ctx context.Context, req ExtractRequest) (raw table.Raw, err error) {
	e, err := s.extraction(req)
	if err != nil {
		return raw, err
	}
	if err := emptyDir(req.Dir); err != nil {
		return raw, err
	}
	if e.session, err = s.open(ctx); err != nil {
		return raw, err
	}
	defer func() {
		e.session.end(err != nil)
		if err != nil {
			raw = table.Raw{}
			err = errors.Join(err, emptyDir(req.Dir))
		}
	}()
	if err := e.prepare(); err != nil {
		return raw, err
	}
	raw, err = e.read()
	return raw, err
}

// extraction is the state of one Extract.
type extraction struct {
	client table.Client
	req    ExtractRequest
	zone   *time.Location

	cursor     table.SourceColumn // the zero value without a cursor
	cursorType sourceType

	session *session
	w       table.Window
	mark    string // where the next window begins; see table.Raw.Watermark
	notes   []string
	rows    int64
	bytes   int64
	told    time.Time // when progress was last told
}

func (s *Source) extraction(req ExtractRequest) (*extraction, error) {
	zone, err := zoneOf(s.client, req.Spec)
	if err != nil {
		return nil, err
	}
	e := &extraction{client: s.client, req: req, zone: zone}
	if len(req.Plan.Columns) == 0 {
		return nil, fmt.Errorf("%w: the plan has no columns; plan the table first", ErrMissing)
	}
	if req.Plan.Cursor == "" {
		return e, nil
	}
	i := slices.IndexFunc(req.Plan.Columns, func(c table.SourceColumn) bool { return fold(c.Name) == fold(req.Plan.Cursor) })
	if i < 0 {
		return nil, fmt.Errorf("%w: cursor %q is not among the plan's columns; plan the table again", ErrMissing, req.Plan.Cursor)
	}
	e.cursor, e.cursorType = req.Plan.Columns[i], parseType(req.Plan.Columns[i].SourceType)
	return e, nil
}

// prepare works the window out and begins the transaction that it is read in.
func (e *extraction) prepare() (err error) {
	ctx := e.session.ctx
	err = e.session.conn.Raw(func(raw any) error { return e.checkWhere(ctx, raw.(driver.ConnPrepareContext)) })
	if err != nil {
		return err
	}
	if e.w, err = e.window(ctx); err != nil {
		return err
	}
	if err := e.session.begin(); err != nil {
		return err
	}
	return e.failOnNulls(ctx)
}

func (e *extraction) failOnNulls(ctx context.Context) error {
	backfill := e.req.From != "" || e.req.To != ""
	if e.w.Full() || backfill || e.req.Spec.OnNullCursor != table.NullFail {
		return nil
	}
	query := "SELECT COUNT(*) FROM " + e.from() + " WHERE (" + e.nullCursor() + ")"
	if e.req.Spec.Where != "" {
		query += " AND (\n" + e.req.Spec.Where + "\n)"
	}
	var nulls int64
	if err := e.session.conn.QueryRowContext(ctx, query).Scan(&nulls); err != nil {
		return err
	}
	if nulls > 0 {
		return fmt.Errorf("%w: column %q: %d rows have no cursor (NULL or a zero date) and on_null_cursor is fail; "+
			"mend them, or use include or exclude", ErrValue, e.cursor.Name, nulls)
	}
	return nil
}

// read runs the query and takes every row. A result counts only once the server agreed that it was
// whole: the COMMIT after it fails on a connection with rows left unread.
func (e *extraction) read() (table.Raw, error) {
	out := newOutput(e.req.Dir, arrowSchema(e.req.Plan.Columns))
	conv := newConverters(e.req, e.zone, out.schema)
	err := e.session.conn.Raw(func(raw any) error { return e.drain(raw, conv, out) })
	if err == nil {
		_, err = e.session.conn.ExecContext(e.session.ctx, "COMMIT")
	}
	if closeErr := out.close(); closeErr != nil {
		err = closeErr // it is why the reader stopped
	}
	if err != nil {
		return table.Raw{}, err
	}
	if out.rows != e.rows {
		return table.Raw{}, fmt.Errorf("%d rows were read and %d written", e.rows, out.rows)
	}
	raw := table.Raw{Files: out.files, Rows: out.rows, Bytes: out.bytes, ZeroDates: conv.zeroDates, Window: e.w, Notes: e.notes}
	if e.req.From == "" && e.req.To == "" {
		raw.Watermark = e.mark
	}
	return raw, nil
}
