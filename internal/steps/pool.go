package steps

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
)

// Pool keeps engines from one step to the next: starting one takes longer than a small step. Its
// engines reach Dir, and nothing else; each serves one step at a time, over a connection of its own, so that no salt, view or
// table of one step is seen by another. An engine whose step failed is not used again. It is safe
// for concurrent use.
type Pool struct {
	Dir    string // absolute; the jobs' folders are below it
	Limits Limits

	mu   sync.Mutex
	idle []*engine
}

// Close ends the idle engines. Call it when no step runs any more.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, e := range p.idle {
		err = errors.Join(err, e.close())
	}
	p.idle = nil
	return err
}

func (p *Pool) take(ctx context.Context, dir string) (*engine, error) {
	if !strings.HasPrefix(dir, p.Dir+string(filepath.Separator)) {
		return nil, fmt.Errorf("the folder %s of a step is not below its pool's, %s", dir, p.Dir)
	}
	if e := p.pop(); e != nil {
		var err error
		if e.conn, err = e.db.Conn(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("connect to DuckDB: %w", err), e.close())
		}
		return e, nil
	}
	return openEngine(ctx, p.Dir, p.Limits)
}

func (p *Pool) pop() *engine {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	e := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return e
}

// give takes an engine back from a step that went well.
func (p *Pool) give(e *engine) error {
	conn := e.conn
	e.conn = nil
	if err := conn.Close(); err != nil {
		return errors.Join(fmt.Errorf("disconnect from DuckDB: %w", err), e.close())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, e)
	return nil
}

// engine returns the engine for a step, and what to do with it when the step has ended with an error or without.
func (j Job) engine(ctx context.Context) (e *engine, release func(stepErr error) error, err error) {
	if j.Pool == nil {
		e, err = openEngine(ctx, j.Dir, j.Limits)
		return e, func(error) error { return e.close() }, err
	}
	e, err = j.Pool.take(ctx, j.Dir)
	return e, func(stepErr error) error {
		if stepErr != nil {
			return e.close()
		}
		return j.Pool.give(e)
	}, err
}
