package mariadb

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

// ExtractRequest is what one run of one client table reads, and where it leaves it.
type ExtractRequest struct {
	Spec table.Spec
	Plan table.Plan
	// Dir is a folder of this run's own. It is made when missing, and emptied first but for chunks that an earlier
	// attempt at the very same finished.
	Dir string
	// From and To are a backfill's bounds, in the canonical text of table.Window; they replace the window after
	// the watermark, and an empty one is open. Both empty: not a backfill.
	From, To string
	// Server, unless empty, is the only server to read from; see table.Raw.Server.
	Server string
	// ReadAt becomes table.Raw.ReadAt, unless an earlier attempt's does because its rows are in use.
	ReadAt time.Time
	// Progress, unless nil, is called about once a second while rows arrive, from one goroutine at a time, with the
	// rows read and the bytes of their values so far.
	Progress func(rows, bytes int64)
	// Chunks, unless nil, is called as chunks are finished, from one goroutine at a time, with how many there are.
	Chunks func(done, total int)
}

// Extract reads one window of one client table into Arrow IPC stream files in req.Dir: at least one file,
// each of about a million rows at the most. A large table that is read in full is read in chunks of its primary key, over
// several connections, and its files are in the order of the chunks. It holds a few record batches of about 8 MiB in
// memory for each connection. On an error the folder has the chunks that are finished, where a repeat may go on from them, and
// otherwise nothing. When ctx ends, the queries are killed at the server. Nobody else may work in the folder.
//
// ErrDenied, ErrTLS, ErrMissing, ErrUnsupported, ErrQuery, ErrValue, ErrLimit and ErrHours are permanent; other errors are worth a
// retry, ErrAltered with a new plan.
func (s *Source) Extract(ctx context.Context, req ExtractRequest) (table.Raw, error) {
	raw, of, err := s.extract(ctx, req)
	if err != nil && ctx.Err() != nil {
		return table.Raw{}, tableError(s.client, req.Spec.Name, fmt.Errorf("stopped: %w", context.Cause(ctx)))
	}
	read := err
	if err = s.unaltered(ctx, req, of, classify(s.limitError(err))); err == nil {
		return raw, nil
	}
	if of.parts > 0 && (errors.Is(err, ErrAltered) || read == nil && !Resumable(req.Dir)) {
		err = errors.Join(err, emptyDir(req.Dir))
	}
	return table.Raw{}, tableError(s.client, req.Spec.Name, err)
}

// extract returns of what the rows are, too.
func (s *Source) extract(ctx context.Context, req ExtractRequest) (raw table.Raw, of origin, err error) {
	e, err := s.extraction(req)
	if err != nil {
		return raw, of, err
	}
	if err := makeDir(req.Dir); err != nil {
		return raw, of, err
	}
	e.ctx, e.stop = context.WithCancelCause(ctx)
	defer e.stop(nil)
	if e.session, err = s.openAgain(e.ctx, req); err != nil {
		return raw, of, err
	}
	defer func() {
		e.session.end(err != nil)
		if err != nil {
			raw = table.Raw{}
			err = errors.Join(err, e.leave())
		}
	}()
	if err := e.prepare(); err != nil {
		return raw, of, err
	}
	done, err := e.endWithHours()
	if err != nil {
		return raw, of, err
	}
	defer done()
	raw, err = e.read()
	return raw, origin{parts: len(e.work.m.Chunks), created: e.created}, err
}

// openAgain opens a session on the server of which an earlier attempt has chunks, where it is to be had: those of another one do not go with
// them.
func (s *Source) openAgain(ctx context.Context, req ExtractRequest) (*session, error) {
	m, err := readManifest(req.Dir)
	if req.Server != "" || err != nil || m.done() == 0 {
		return s.openOn(ctx, req.Server)
	}
	c, err := s.openOn(ctx, m.Raw.Server)
	if errors.Is(err, errOtherServer) {
		return s.open(ctx)
	}
	return c, err
}

// leave keeps in the folder what a repeat may go on from.
func (e *extraction) leave() error {
	switch {
	case e.work == nil: // nothing was looked at yet
		return nil
	case e.work.keep && e.work.m.done() > 0:
		return tidy(e.req.Dir, e.work.m)
	}
	return emptyDir(e.req.Dir)
}

// extraction is the state of one Extract.
type extraction struct {
	source *Source
	client table.Client
	req    ExtractRequest
	zone   *time.Location

	cursor     table.SourceColumn // the zero value without a cursor
	cursorType sourceType

	ctx     context.Context // ends when any of the readers fails
	stop    context.CancelCauseFunc
	work    *progressed
	key     []keyColumn // by which the table is cut
	created string      // see tableSize
	large   bool
	tally   *tally
	pool    *arrowfile.Pool // of all batches

	// Of one reader and its chunk.
	session *session
	chunk   chunk
	number  int
	within  string // the chunk as SQL; "" is the whole table

	w     table.Window
	mark  string // where the next window begins; see table.Raw.Watermark
	notes []string
	rows  int64
	bytes int64
	told  time.Time // when progress was last told
}

func (s *Source) extraction(req ExtractRequest) (*extraction, error) {
	zone, err := zoneOf(s.client, req.Spec)
	if err != nil {
		return nil, err
	}
	e := &extraction{source: s, client: s.client, req: req, zone: zone, tally: &tally{}, pool: &arrowfile.Pool{}}
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

// prepare works out what is read, and begins the transaction that it is read in.
func (e *extraction) prepare() (err error) {
	ctx := e.session.ctx
	err = e.session.conn.Raw(func(raw any) error { return e.checkWhere(ctx, raw.(driver.ConnPrepareContext)) })
	if err != nil {
		return err
	}
	resumed, err := e.takeUp(ctx)
	if err != nil {
		return err
	}
	if !resumed {
		if e.w, err = e.window(ctx); err != nil {
			return err
		}
	}
	if err := e.session.begin(); err != nil {
		return err
	}
	if err := e.failOnNulls(ctx); err != nil || resumed {
		return err
	}
	return e.layOut(ctx)
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
