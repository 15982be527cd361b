package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tributary/internal/table"
)

// Bounds of one group.
const (
	maxGroupBatches = 64
	maxGroupRuns    = 256
	maxGroupReads   = 256
)

// Group returns the lake with group commit. While a merge into a table runs, batches for the same table
// wait, and then go together in one inner Merge; when none runs, a batch goes at once. A client table is
// in a group once; its next batch waits for the next group. Log and LastRuns are grouped likewise, per schema.
//
// When a group fails, its members are tried one by one, so a bad one fails alone. A member whose context ends
// leaves while it waits; once its group runs it gets the group's result, because its files are in use, and the
// group itself is cancelled only when every member is.
func Group(inner Lake) Lake {
	g := &grouped{Lake: inner}
	g.merges = newQueues(maxGroupBatches, func(ctx context.Context, batches []table.Batch) ([]MergeResult, error) {
		if err := refuseLate(ctx, inner, batches); err != nil {
			return nil, err
		}
		results, err := inner.Merge(ctx, batches)
		if err == nil && len(results) != len(batches) {
			err = fmt.Errorf("merge of %d batches returned %d results", len(batches), len(results))
		}
		return results, err
	}, func(b table.Batch) string { return b.Ref.Region + "\x00" + b.Ref.Client })
	g.logs = newQueues(maxGroupRuns, func(ctx context.Context, runs []table.Run) ([]struct{}, error) {
		return make([]struct{}, len(runs)), inner.Log(ctx, runs)
	}, nil)
	g.reads = newQueues(maxGroupReads, func(ctx context.Context, asked []read) ([][]LastRun, error) {
		return readTogether(ctx, inner, asked)
	}, nil)
	return g
}

type grouped struct {
	Lake
	merges *queues[table.Batch, MergeResult]
	logs   *queues[table.Run, struct{}]
	reads  *queues[read, []LastRun]
}

// read is a question for the sync log.
type read struct {
	schema string
	filter Filter
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

// LastRuns implements Lake. A read that waited began after it was asked for, so it has what was logged before.
func (g *grouped) LastRuns(ctx context.Context, schema string, filter Filter) ([]LastRun, error) {
	found, err := submitAll(ctx, g.reads, []read{{schema, filter}}, func(r read) string { return r.schema })
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// readTogether reads the sync log once for all that was asked of one schema.
func readTogether(ctx context.Context, inner Lake, asked []read) ([][]LastRun, error) {
	wide := asked[0].filter
	for _, r := range asked[1:] {
		wide = wide.widen(r.filter)
	}
	all, err := inner.LastRuns(ctx, asked[0].schema, wide)
	if err != nil {
		return nil, err
	}
	found := make([][]LastRun, len(asked))
	for i, r := range asked {
		for _, run := range all {
			if r.filter.matches(run.Ref) {
				found[i] = append(found[i], run)
			}
		}
	}
	return found, nil
}

// matches says whether a client table passes the filter.
func (f Filter) matches(ref table.Ref) bool {
	return (f.Sync == "" || f.Sync == ref.Sync) && (f.Region == "" || f.Region == ref.Region) &&
		(f.Client == "" || f.Client == ref.Client) && (len(f.Clients) == 0 || slices.Contains(f.Clients, ref.Client)) && (len(f.Tables) == 0 || slices.Contains(f.Tables, ref.Table))
}

// widen returns a filter that passes what either does.
func (f Filter) widen(other Filter) Filter {
	same := func(a, b string) string {
		if a == b {
			return a
		}
		return ""
	}
	wide := Filter{Sync: same(f.Sync, other.Sync), Region: same(f.Region, other.Region), Client: same(f.Client, other.Client)}
	either := func(a, b []string) []string {
		if len(a) == 0 || len(b) == 0 {
			return nil
		}
		return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	}
	wide.Clients, wide.Tables = either(f.Clients, other.Clients), either(f.Tables, other.Tables)
	return wide
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
