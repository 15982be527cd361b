package mariadb

import (
	"context"
	"os"
	"path/filepath"

	"tributary/internal/table"
)

// resumes says whether what an attempt has read is of use to the next one. The rows of two attempts are of two snapshots. With a cursor
// that is sound: what changed since the window was laid out is above its high, which the next attempt keeps, and so is read
// by the next run. Without one, a row whose key moved in between would be in neither, and the reload would delete it.
func (e *extraction) resumes() bool { return e.req.Plan.Cursor != "" && !e.req.Spec.Snapshot }

// takeUp goes on from an earlier attempt, where it left something that fits. Otherwise the folder is empty.
func (e *extraction) takeUp(ctx context.Context) (resumed bool, err error) {
	e.work = &progressed{dir: e.req.Dir}
	defer func() {
		if err != nil {
			e.work = nil // so that leave keeps what there is for the next attempt
		}
	}()
	if _, err := os.Stat(filepath.Join(e.req.Dir, manifestName)); err != nil || !e.resumes() || e.session.server == "" {
		return false, emptyDir(e.req.Dir)
	}
	size, err := e.size(ctx)
	if err != nil {
		return false, err
	}
	e.key, e.created, e.large = size.key, size.created, e.source.chunking.large(size)
	fingerprint, err := e.fingerprint()
	if err != nil {
		return false, err
	}
	m, ok, err := takeUp(ctx, e.req.Dir, fingerprint)
	if err != nil || !ok {
		return false, err
	}
	e.work.m, e.work.keep = m, true
	e.w = m.Raw.Window
	return true, nil
}

// layOut cuts what is to be read into chunks: one, unless a large table is read in full.
func (e *extraction) layOut(ctx context.Context) error {
	e.work.m = manifest{Raw: e.settled(), Chunks: []chunk{{}}}
	if e.w.Low != "" {
		return nil // an index brings just these rows, and in chunks of the key it would not
	}
	size, err := e.size(ctx)
	if err != nil {
		size.key = nil // a server that tells nothing of its tables, or none that answers: reading will say
	}
	e.created, e.large = size.created, e.source.chunking.large(size)
	if err := e.admit(); err != nil {
		return err
	}
	target := e.source.chunking.rowsPerChunk(size, e.rowsPerStatement())
	if len(size.key) == 0 || size.rows < 2*target {
		return nil
	}
	e.key = size.key
	if e.work.m.Chunks, err = e.cut(ctx, size, target); err != nil || len(e.work.m.Chunks) == 1 || !e.resumes() || e.session.server == "" {
		return err
	}
	e.work.keep = true
	e.work.m.Of, err = e.fingerprint()
	return err
}

// settled is what is known before the first row is read.
func (e *extraction) settled() table.Raw {
	raw := table.Raw{Window: e.w, Server: e.session.server, Notes: e.notes, ReadAt: e.req.ReadAt}
	if e.req.From == "" && e.req.To == "" {
		raw.Watermark = e.mark
	}
	return raw
}

// ours says whether an error is not the server's answer but ours, or the connection's.
func ours(err error) bool { return err != nil && code(err) == 0 }

// cut cuts a span of the table. What the server will not tell, such as a table whose key may not be read, leaves it whole.
func (e *extraction) cut(ctx context.Context, size tableSize, target int64) ([]chunk, error) {
	s := &splitter{ctx: ctx, conn: e.session.conn, table: e.from(), key: e.key, target: target, statements: maxStatements}
	spans, err := s.split(sized{rows: float64(size.rows)})
	if err != nil && ours(err) {
		return nil, err
	}
	if err != nil {
		return []chunk{{}}, nil //nolint:nilerr // one chunk is as right as many
	}
	chunks := make([]chunk, len(spans))
	for i, of := range spans {
		chunks[i] = chunk{span: of}
	}
	return chunks, nil
}

// rowsPerStatement is how many rows a statement can surely send in the time that it has; 0 is any number.
func (e *extraction) rowsPerStatement() int64 {
	limits := e.source.limits
	if limits.MaxStatementTime == 0 {
		return 0
	}
	perSecond := int64(slowest)
	if limits.RowsPerSecond > 0 {
		perSecond = min(perSecond, limits.RowsPerSecond/int64(2*e.source.tableConnections()))
	}
	return max(int64(limits.MaxStatementTime.Seconds()*float64(perSecond)), 1)
}
