package lake

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// queues runs items of the same key in groups, one group at a time.
type queues[I, O any] struct {
	limit    int
	run      func(context.Context, []I) ([]O, error) // one result per item
	identity func(I) string                          // items of one identity are never in one group; nil when they may be

	mu      sync.Mutex
	waiting map[string][]*call[I, O] // by key; a key is present while a group of it runs
}

// call is one item and, once done is closed, its result.
type call[I, O any] struct {
	ctx    context.Context
	item   I
	done   chan struct{}
	result O
	err    error
}

func newQueues[I, O any](limit int, run func(context.Context, []I) ([]O, error), identity func(I) string) *queues[I, O] {
	return &queues[I, O]{limit: limit, run: run, identity: identity, waiting: map[string][]*call[I, O]{}}
}

// submit queues an item, and starts its key when it is idle.
func (q *queues[I, O]) submit(ctx context.Context, key string, item I) *call[I, O] {
	c := &call[I, O]{ctx: ctx, item: item, done: make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, running := q.waiting[key]
	q.waiting[key] = append(waiting, c)
	if !running {
		go q.drain(key)
	}
	return c
}

// wait returns the call's result, or the context's error when it ends before the call's group begins.
func (q *queues[I, O]) wait(key string, c *call[I, O]) (O, error) {
	select {
	case <-c.done:
	case <-c.ctx.Done():
		if q.leave(key, c) {
			return c.result, context.Cause(c.ctx)
		}
		<-c.done
	}
	return c.result, c.err
}

// leave takes a call out of its queue; false when its group has begun.
func (q *queues[I, O]) leave(key string, c *call[I, O]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting[key], c)
	if i < 0 {
		return false
	}
	q.waiting[key] = slices.Delete(q.waiting[key], i, i+1)
	return true
}

func (q *queues[I, O]) drain(key string) {
	for {
		group := q.next(key)
		if group == nil {
			return
		}
		q.runGroup(group)
	}
}

// next takes the next group off the queue, oldest first; nil when nobody waits, and the key is idle again.
func (q *queues[I, O]) next(key string) []*call[I, O] {
	q.mu.Lock()
	defer q.mu.Unlock()
	var group, later []*call[I, O]
	taken := map[string]bool{}
	for _, c := range q.waiting[key] {
		id := ""
		if q.identity != nil {
			id = q.identity(c.item)
		}
		if len(group) == q.limit || q.identity != nil && taken[id] {
			later = append(later, c)
			continue
		}
		taken[id] = true
		group = append(group, c)
	}
	if group == nil {
		delete(q.waiting, key)
		return nil
	}
	q.waiting[key] = later
	return group
}

func (q *queues[I, O]) runGroup(group []*call[I, O]) {
	results, err := q.runTogether(group)
	if err != nil && len(group) > 1 {
		for _, c := range group {
			q.runGroup([]*call[I, O]{c})
		}
		return
	}
	for i, c := range group {
		if c.err = err; err == nil {
			c.result = results[i]
		}
		close(c.done)
	}
}

// runTogether runs a group under a context that ends when every member's has.
func (q *queues[I, O]) runTogether(group []*call[I, O]) ([]O, error) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(group[0].ctx))
	defer cancel(nil)
	var alive atomic.Int64
	alive.Store(int64(len(group)))
	items := make([]I, len(group))
	stops := make([]func() bool, len(group))
	for i, c := range group {
		items[i] = c.item
		stops[i] = context.AfterFunc(c.ctx, func() {
			if alive.Add(-1) == 0 {
				cancel(context.Cause(c.ctx))
			}
		})
	}
	results, err := q.run(ctx, items)
	for _, stop := range stops {
		stop()
	}
	return results, err
}
