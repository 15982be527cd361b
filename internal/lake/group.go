package lake

import (
	"context"
	"errors"
	"fmt"

	"tributary/internal/table"
)

// Bounds of one group.
const (
	maxGroupBatches = 64
	maxGroupRuns    = 256
)

// Group returns the lake with group commit. While a merge into a table runs, batches for the same table
// wait, and then go together in one inner Merge; when none runs, a batch goes at once. A client table is
// in a group once; its next batch waits for the next group. Log is grouped likewise, per schema.
//
// When a group fails, its members are tried one by one, so a bad one fails alone. A member whose context ends
// leaves while it waits; once its group runs it gets the group's result, because its files are in use, and the
// group itself is cancelled only when every member is.
func Group(inner Lake) Lake {
	g := &grouped{Lake: inner}
	g.merges = newQueues(maxGroupBatches, func(ctx context.Context, batches []table.Batch) ([]MergeResult, error) {
		results, err := inner.Merge(ctx, batches)
		if err == nil && len(results) != len(batches) {
			err = fmt.Errorf("merge of %d batches returned %d results", len(batches), len(results))
		}
		return results, err
	}, func(b table.Batch) string { return b.Ref.Region + "\x00" + b.Ref.Client })
	g.logs = newQueues(maxGroupRuns, func(ctx context.Context, runs []table.Run) ([]struct{}, error) {
		return make([]struct{}, len(runs)), inner.Log(ctx, runs)
	}, nil)
	return g
}

type grouped struct {
	Lake
	merges *queues[table.Batch, MergeResult]
	logs   *queues[table.Run, struct{}]
}

// Unwrap returns the lake within, for what only some kinds can do.
func (g *grouped) Unwrap() Lake { return g.Lake }

// As returns the lake, or the one that Group wraps, as what only some kinds can do; false when it cannot.
func As[T any](l Lake) (T, bool) {
	if g, ok := l.(interface{ Unwrap() Lake }); ok {
		l = g.Unwrap()
	}
	t, ok := l.(T)
	return t, ok
}

// Merge implements Lake. Of several batches some may be merged although others failed; the error names each.
func (g *grouped) Merge(ctx context.Context, batches []table.Batch) ([]MergeResult, error) {
	return submitAll(ctx, g.merges, batches, func(b table.Batch) string { return b.Ref.Schema + "\x00" + b.Ref.Table })
}

// Log implements Lake.
func (g *grouped) Log(ctx context.Context, runs []table.Run) error {
	_, err := submitAll(ctx, g.logs, runs, func(r table.Run) string { return r.Schema })
	return err
}

func submitAll[I, O any](ctx context.Context, q *queues[I, O], items []I, key func(I) string) ([]O, error) {
	calls := make([]*call[I, O], len(items))
	for i, item := range items {
		calls[i] = q.submit(ctx, key(item), item)
	}
	results, errs := make([]O, len(items)), make([]error, len(items))
	for i, c := range calls {
		results[i], errs[i] = q.wait(key(items[i]), c)
	}
	if err := errors.Join(errs...); err != nil {
		if len(items) == 1 {
			err = errs[0]
		}
		return nil, err
	}
	return results, nil
}
