package steps

import (
	"context"
	"errors"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"tributary/internal/table"
)

// partBytes is how much of the raw files makes a part, at least.
const partBytes = 64 << 20

// unknownRows is the number of rows of raw files that are a part of a run's.
const unknownRows = -1

// parts splits the raw files into runs of consecutive ones, each of which is work for one engine: two engines with a
// thread each do a third more than one engine with two threads, which wait for each other.
func parts(files []string) ([][]string, error) {
	var parts [][]string
	var bytes int64
	for i, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			return nil, errors.Join(ErrRaw, err)
		}
		if i == 0 || bytes >= partBytes {
			parts, bytes = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], path)
		bytes += info.Size()
	}
	return parts, nil
}

// eachPart does the work of every part, several at once, each with a run of its own.
func (r *run) eachPart(ctx context.Context, parts [][]string, work func(ctx context.Context, part int, r run) error) (err error) {
	engines, release, err := r.job.singles(ctx, len(parts))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release(err)) }()
	queue := make(chan int, len(parts))
	for n := range parts {
		queue <- n
	}
	close(queue)
	var mu sync.Mutex
	total := r.progress // apart, since work may copy r
	progress := func(more int64) {
		mu.Lock()
		defer mu.Unlock()
		if total += more; r.job.Progress != nil {
			r.job.Progress(total)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, e := range engines {
		group.Go(func() error {
			for n := range queue {
				if err := work(ctx, n, r.on(e, parts[n], progress)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	r.progress = total
	return err
}

// on is a run over some of the raw files, on another engine.
func (r *run) on(e *engine, files []string, progress func(more int64)) run {
	c := *r.compiler
	c.engine, c.job.Progress, c.job.Raw.Files = e, added(progress), files
	return run{compiler: &c, part: true}
}

// added makes of a function that takes the rows that came one that takes all rows so far.
func added(progress func(more int64)) func(rows int64) {
	var last int64
	return func(rows int64) {
		progress(rows - last)
		last = rows
	}
}

// singles returns up to n engines of one thread each: as many as there are processors free for them, at least one.
func (j Job) singles(ctx context.Context, n int) (engines []*engine, release func(stepErr error) error, err error) {
	if j.Pool != nil {
		return j.Pool.singles(ctx, n)
	}
	limits := j.Limits.filled()
	release = func(error) error {
		var err error
		for _, e := range engines {
			err = errors.Join(err, e.close())
		}
		return err
	}
	for range min(n, limits.Threads) {
		e, err := openEngine(ctx, j.Dir, limits.single())
		if err != nil {
			return nil, nil, errors.Join(err, release(err))
		}
		engines = append(engines, e)
	}
	return engines, release, nil
}

// filled has the defaults where nothing is set.
func (l Limits) filled() Limits {
	if l.Memory <= 0 {
		l.Memory = defaultMemory
	}
	if l.Threads <= 0 {
		l.Threads = defaultThreads
	}
	return l
}

// single is one thread's share of the limits.
func (l Limits) single() Limits {
	return Limits{Memory: l.Memory / int64(l.Threads), Threads: 1}
}

// rawOf is the raw files of a run, or of the part of it that this is.
func (r *run) rawOf() table.Raw {
	raw := r.job.Raw
	if r.part {
		raw.Rows = unknownRows
	}
	return raw
}
