package steps

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Pool keeps engines from one step to the next: starting one takes longer than a small step. Its
// engines reach its folder, and nothing else; each serves one step at a time, over a connection of its own, so that no
// salt, view or table of one step is seen by another. An engine whose step failed is not used
// again. It is safe for concurrent use.
type Pool struct {
	dir    string
	limits Limits
	slots  *semaphore.Weighted

	mu   sync.Mutex
	idle []*engine
	lone []*engine // of one thread each
}

// NewPool makes a pool for jobs whose folders are below dir, an absolute path. At most size steps run at once, each
// within limits; others wait.
func NewPool(dir string, limits Limits, size int) *Pool {
	return &Pool{dir: dir, limits: limits, slots: semaphore.NewWeighted(int64(size))}
}

// Close ends the idle engines. Call it when no step runs any more.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, e := range slices.Concat(p.idle, p.lone) {
		err = errors.Join(err, e.close())
	}
	p.idle, p.lone = nil, nil
	return err
}

// take waits for a free place. Every engine that it returns is to be given back or dropped.
func (p *Pool) take(ctx context.Context, dir string) (e *engine, err error) {
	if !strings.HasPrefix(dir, p.dir+string(filepath.Separator)) {
		return nil, fmt.Errorf("the folder %s of a step is not below its pool's, %s", dir, p.dir)
	}
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.slots.Release(1)
		}
	}()
	return p.connect(ctx, &p.idle, p.limits)
}

// connect takes an idle engine, or starts one.
func (p *Pool) connect(ctx context.Context, idle *[]*engine, limits Limits) (*engine, error) {
	e := p.pop(idle)
	if e == nil {
		return openEngine(ctx, p.dir, limits)
	}
	var err error
	if e.conn, err = e.db.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to DuckDB: %w", err), e.close())
	}
	return e, nil
}

func (p *Pool) pop(idle *[]*engine) *engine {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(*idle) == 0 {
		return nil
	}
	e := (*idle)[len(*idle)-1]
	*idle = (*idle)[:len(*idle)-1]
	return e
}

// singles returns up to n engines of one thread each, for a step that has a place already: one for that, and one for
// every other place that is free.
func (p *Pool) singles(ctx context.Context, n int) (engines []*engine, release func(stepErr error) error, err error) {
	release = func(stepErr error) error {
		p.slots.Release(int64(max(0, len(engines)-1)))
		var err error
		for _, e := range engines {
			if stepErr != nil {
				err = errors.Join(err, e.close())
			} else {
				err = errors.Join(err, p.keep(e, &p.lone))
			}
		}
		return err
	}
	limits := p.limits.filled()
	for len(engines) < min(n, limits.Threads) && (len(engines) == 0 || p.slots.TryAcquire(1)) {
		e, err := p.connect(ctx, &p.lone, limits.single())
		if err != nil {
			if len(engines) > 0 {
				p.slots.Release(1)
			}
			return nil, nil, errors.Join(err, release(err))
		}
		engines = append(engines, e)
	}
	return engines, release, nil
}

// give takes an engine back from a step that went well.
func (p *Pool) give(e *engine) error {
	defer p.slots.Release(1)
	return p.keep(e, &p.idle)
}

func (p *Pool) keep(e *engine, idle *[]*engine) error {
	conn := e.conn
	e.conn = nil
	if err := conn.Close(); err != nil {
		return errors.Join(fmt.Errorf("disconnect from DuckDB: %w", err), e.close())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	*idle = append(*idle, e)
	return nil
}

// drop ends an engine whose step failed.
func (p *Pool) drop(e *engine) error {
	defer p.slots.Release(1)
	return e.close()
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
			return j.Pool.drop(e)
		}
		return j.Pool.give(e)
	}, err
}
