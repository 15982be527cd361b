package mariadb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"tributary/internal/table"
)

// read reads every chunk, over several connections where there are several chunks.
func (e *extraction) read() (table.Raw, error) {
	e.work.start()
	e.tellChunks()
	extra, err := e.extraSessions()
	if err != nil {
		return table.Raw{}, err
	}
	var readers errgroup.Group
	run := func(read func() error) {
		readers.Go(func() error {
			err := read()
			if err != nil {
				e.stop(err) // ends the others, whose own errors then say less
			}
			return err
		})
	}
	run(func() error { return e.readChunks(e.session, false) })
	for _, open := range extra {
		run(func() error {
			s := open()
			if s == nil {
				return nil
			}
			err := e.readChunks(s, true)
			s.end(err != nil)
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		return table.Raw{}, context.Cause(e.ctx)
	}
	if err := e.readChunks(e.session, false); err != nil { // what an extra session cut smaller, and left
		return table.Raw{}, err
	}
	return e.raw()
}

// raw is what all chunks have.
func (e *extraction) raw() (table.Raw, error) {
	raw := e.work.m.Raw
	for i, c := range e.work.m.Chunks {
		if !c.Done {
			return table.Raw{}, fmt.Errorf("chunk %d of %d was not read", i+1, len(e.work.m.Chunks))
		}
		for _, f := range c.Files {
			raw.Files = append(raw.Files, filepath.Join(e.req.Dir, f.Name))
			raw.Rows, raw.Bytes = raw.Rows+f.Rows, raw.Bytes+f.Bytes
		}
		raw.ZeroDates += c.ZeroDates
	}
	return raw, nil
}

// extraSessions returns what opens the sessions beside the first one: nil where there is none to be had. All of them see
// what the first one sees where the rows must be of one snapshot.
func (e *extraction) extraSessions() ([]func() *session, error) {
	n := min(e.source.tableConnections(), e.work.left()) - 1
	if n <= 0 || e.session.server == "" {
		return nil, nil
	}
	server := e.session.server
	var opens []func() *session
	if e.resumes() {
		for range n {
			opens = append(opens, func() *session { return e.extraSession(server) })
		}
		return opens, nil
	}
	var sessions []*session
	for range n {
		if s := e.extraSession(server); s != nil {
			sessions = append(sessions, s)
		}
	}
	together, err := e.share(sessions)
	for _, s := range sessions {
		if !together {
			s.end(false)
			continue
		}
		opens = append(opens, func() *session { return s })
	}
	return opens, err
}

// ignoreServers leaves out the server's own errors: what is missing then is not needed.
func ignoreServers(err error) error {
	if ours(err) {
		return err
	}
	return nil
}

// extraSession opens a session on the same server without waiting for one; nil when that does not work, as when the server has
// none left: one connection is enough.
func (e *extraction) extraSession(server string) *session {
	if stats := e.source.db.Stats(); stats.InUse >= stats.MaxOpenConnections {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.ctx, dialTimeout)
	defer cancel()
	s, err := e.source.openWithin(ctx, e.ctx)
	if err != nil {
		return nil
	}
	if s.server != server {
		s.end(false)
		return nil
	}
	return s
}

// readChunks reads chunks until there is none left. An extra session gives its connection up between two when
// somebody waits for one.
func (e *extraction) readChunks(s *session, extra bool) error {
	waits := e.source.db.Stats().WaitCount
	for {
		if extra && e.pauses() {
			return nil // one connection is enough to wait for the hours with
		}
		c, number, ok := e.work.take()
		if !ok {
			return nil
		}
		if err := e.awaitHours(s); err != nil {
			return err
		}
		part := *e
		part.session, part.chunk, part.number, part.rows, part.bytes = s, c, number, 0, 0
		var err error
		if part.within, err = c.condition(e.key); err != nil {
			return err
		}
		part.req.Progress = e.tally.part(e.req.Progress)
		done, err := part.readChunk()
		if code(err) == codeStatementTime && len(e.key) > 0 {
			err = part.readSmaller(err)
		} else if err == nil {
			err = e.work.finish(done)
		}
		if err != nil {
			return err
		}
		e.tellChunks()
		if extra && e.source.db.Stats().WaitCount > waits {
			return nil
		}
	}
}

// readChunk reads one chunk. A result counts only once the server agreed that it was whole: the statement
// after it fails on a connection with rows left unread.
func (e *extraction) readChunk() (chunk, error) {
	ctx := e.session.ctx
	if !e.session.begun {
		if err := e.session.begin(); err != nil {
			return chunk{}, err
		}
	}
	out := newOutput(e.req.Dir, e.number, arrowSchema(e.req.Plan.Columns))
	out.pace = func(rows int64) error { return e.source.pace(ctx, rows) }
	conv := newConverters(e.req, e.zone, out.schema, e.pool)
	err := e.session.conn.Raw(func(raw any) error { return e.drain(raw, conv, out) })
	if err == nil {
		err = e.settle()
	}
	if closeErr := out.close(); closeErr != nil {
		err = closeErr // it is why the reader stopped
	}
	if err == nil && out.rows != e.rows {
		err = fmt.Errorf("%d rows were read and %d written", e.rows, out.rows)
	}
	if err != nil {
		return chunk{}, errors.Join(err, remove(e.req.Dir, out.files))
	}
	e.req.Progress(e.rows, e.bytes)
	done := e.chunk
	done.Done, done.Files, done.ZeroDates = true, out.files, conv.zeroDates
	return done, nil
}

// settle ends the chunk's own snapshot, so that the server need not keep old rows for longer than a chunk takes, unless all
// chunks share one.
func (e *extraction) settle() error {
	if e.resumes() {
		return e.session.commit()
	}
	_, err := e.session.conn.ExecContext(e.session.ctx, "SELECT 0")
	return err
}

func remove(dir string, files []rawFile) (err error) {
	for _, f := range files {
		err = errors.Join(err, os.Remove(filepath.Join(dir, f.Name)))
	}
	return err
}

// readSmaller has a chunk that took too long read in smaller ones.
func (e *extraction) readSmaller(why error) error {
	s := &splitter{ctx: e.session.ctx, conn: e.session.conn, table: e.from(), key: e.key, target: 1, statements: maxStatements}
	pieces, err := s.cut(sized{span: e.chunk.span, rows: 3})
	if err != nil {
		return err
	}
	if len(pieces) < 2 {
		return why
	}
	chunks := make([]chunk, len(pieces))
	for i, piece := range pieces {
		chunks[i] = chunk{span: piece.span}
	}
	return e.work.replace(e.chunk.span, chunks)
}

// tellChunks reports how many chunks are done.
func (e *extraction) tellChunks() {
	if e.req.Chunks == nil {
		return
	}
	e.tally.chunks.Lock()
	defer e.tally.chunks.Unlock()
	e.req.Chunks(e.work.counts())
}

// tally adds up what several readers tell. It is safe for concurrent use, and tells in one goroutine at a time.
type tally struct {
	chunks      sync.Mutex // held while they are told
	mu          sync.Mutex
	rows, bytes int64
}

// part returns what one reader tells its own rows and bytes so far.
func (t *tally) part(tell func(rows, bytes int64)) func(rows, bytes int64) {
	var lastRows, lastBytes int64
	return func(rows, bytes int64) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.rows, t.bytes = t.rows+rows-lastRows, t.bytes+bytes-lastBytes
		lastRows, lastBytes = rows, bytes
		if tell != nil {
			tell(t.rows, t.bytes)
		}
	}
}
