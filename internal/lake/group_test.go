package lake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// fake is a lake of function fields.
type fake struct {
	Lake
	merge func(ctx context.Context, batches []table.Batch) ([]MergeResult, error)
	log   func(ctx context.Context, runs []table.Run) error
}

func (f *fake) Merge(ctx context.Context, b []table.Batch) ([]MergeResult, error) {
	return f.merge(ctx, b)
}
func (f *fake) Log(ctx context.Context, runs []table.Run) error { return f.log(ctx, runs) }

func batchOf(client string) table.Batch {
	return table.Batch{ID: client, Ref: table.Ref{Client: client, Region: "eu", Schema: "central", Table: "orders"}}
}

// gate is an inner lake whose first merge waits, so that others gather behind it.
type gate struct {
	fake
	entered, open chan struct{}
	mu            sync.Mutex
	groups        [][]string
}

func newGate(fail func(client string) error) *gate {
	g := &gate{entered: make(chan struct{}), open: make(chan struct{})}
	var entered atomic.Bool
	g.merge = func(ctx context.Context, batches []table.Batch) ([]MergeResult, error) {
		if entered.CompareAndSwap(false, true) {
			close(g.entered)
			<-g.open
		}
		var clients []string
		results := make([]MergeResult, len(batches))
		var err error
		for i, b := range batches {
			clients = append(clients, b.Ref.Client)
			results[i].Group = len(batches)
			err = errors.Join(err, fail(b.Ref.Client))
		}
		slices.Sort(clients)
		g.mu.Lock()
		g.groups = append(g.groups, clients)
		g.mu.Unlock()
		return results, errors.Join(err, ctx.Err())
	}
	return g
}

func never(string) error { return nil }

// gather starts a merge for each client behind the first one, and waits until all of them wait.
func gather(t *testing.T, lake Lake, g *gate, clients ...string) (wait func() map[string]error) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := map[string]error{}
	start := func(client string) {
		wg.Go(func() {
			_, err := lake.Merge(t.Context(), []table.Batch{batchOf(client)})
			mu.Lock()
			defer mu.Unlock()
			errs[client] = errors.Join(errs[client], err)
		})
	}
	start("first")
	<-g.entered
	for i, client := range clients {
		start(client)
		waitFor(t, lake, i+1)
	}
	return func() map[string]error { wg.Wait(); return errs }
}

// waitFor waits until n batches wait.
func waitFor(t *testing.T, lake Lake, n int) {
	t.Helper()
	q := lake.(*grouped).merges
	require.Eventually(t, func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		total := 0
		for _, waiting := range q.waiting {
			total += len(waiting)
		}
		return total == n
	}, 2*time.Minute, time.Millisecond)
}

func TestGroupMergesWaitingBatchesTogether(t *testing.T) {
	g := newGate(never)
	lake := Group(g)
	wait := gather(t, lake, g, "a", "b", "c")
	close(g.open)
	for client, err := range wait() {
		require.NoError(t, err, client)
	}
	require.Equal(t, [][]string{{"first"}, {"a", "b", "c"}}, g.groups)
}

func TestGroupHasAClientTableOnce(t *testing.T) {
	g := newGate(never)
	lake := Group(g)
	wait := gather(t, lake, g, "a", "a", "b")
	close(g.open)
	wait()
	require.Equal(t, [][]string{{"first"}, {"a", "b"}, {"a"}}, g.groups)
}

func TestGroupIsBounded(t *testing.T) {
	g := newGate(never)
	lake := Group(g)
	clients := make([]string, maxGroupBatches+1)
	for i := range clients {
		clients[i] = fmt.Sprintf("c%03d", i)
	}
	wait := gather(t, lake, g, clients...)
	close(g.open)
	wait()
	require.Equal(t, [][]string{{"first"}, clients[:maxGroupBatches], clients[maxGroupBatches:]}, g.groups)
}

func TestGroupBadBatchFailsAlone(t *testing.T) {
	bad := errors.New("bad batch")
	g := newGate(func(client string) error {
		if client == "b" {
			return bad
		}
		return nil
	})
	lake := Group(g)
	wait := gather(t, lake, g, "a", "b", "c")
	close(g.open)
	errs := wait()
	require.ErrorIs(t, errs["b"], bad)
	require.NoError(t, errs["a"])
	require.NoError(t, errs["c"])
	require.Equal(t, [][]string{{"first"}, {"a", "b", "c"}, {"a"}, {"b"}, {"c"}}, g.groups)
}

func TestGroupCancelledWaiterLeaves(t *testing.T) {
	g := newGate(never)
	lake := Group(g)
	wait := gather(t, lake, g, "a")
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := lake.Merge(ctx, []table.Batch{batchOf("b")})
		left <- err
	}()
	waitFor(t, lake, 2)
	cancel()
	require.ErrorIs(t, <-left, context.Canceled, "while the first merge still runs")
	close(g.open)
	wait()
	require.Equal(t, [][]string{{"first"}, {"a"}}, g.groups)
}

func TestGroupRunsUntilEveryMemberIsCancelled(t *testing.T) {
	ctxs := make(chan context.Context, 2)
	hold := make(chan struct{})
	first := make(chan struct{})
	inner := &fake{merge: func(ctx context.Context, batches []table.Batch) ([]MergeResult, error) {
		if batches[0].Ref.Client == "first" {
			close(first)
			<-hold
			return make([]MergeResult, 1), nil
		}
		ctxs <- ctx
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	lake := Group(inner)
	var wg sync.WaitGroup
	merge := func(ctx context.Context, client string) {
		wg.Go(func() { _, _ = lake.Merge(ctx, []table.Batch{batchOf(client)}) })
	}
	a, cancelA := context.WithCancel(t.Context())
	b, cancelB := context.WithCancel(t.Context())
	defer cancelB()
	merge(t.Context(), "first")
	<-first
	merge(a, "a")
	merge(b, "b")
	waitFor(t, lake, 2)
	close(hold)
	group := <-ctxs
	cancelA()
	select {
	case <-group.Done():
		t.Fatal("one cancelled member cancelled the group")
	case <-time.After(20 * time.Millisecond):
	}
	cancelB()
	<-group.Done()
	go func() { // the members are tried one by one then, each under its own ended context
		for range ctxs {
		}
	}()
	wg.Wait()
	close(ctxs)
}

func TestGroupTablesDoNotWaitForEachOther(t *testing.T) {
	g := newGate(never)
	lake := Group(g)
	wait := gather(t, lake, g)
	other := batchOf("a")
	other.Ref.Table = "lines"
	_, err := lake.Merge(t.Context(), []table.Batch{other})
	require.NoError(t, err)
	close(g.open)
	wait()
}

func TestGroupLogsTogether(t *testing.T) {
	entered, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	var sizes []int
	lake := Group(&fake{log: func(_ context.Context, runs []table.Run) error {
		once.Do(func() {
			close(entered)
			<-hold
		})
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(runs))
		return nil
	}})
	var wg sync.WaitGroup
	log := func() {
		wg.Go(func() {
			require.NoError(t, lake.Log(t.Context(), []table.Run{{Ref: table.Ref{Schema: "central"}}}))
		})
	}
	log()
	<-entered
	log()
	log()
	q := lake.(*grouped).logs
	require.Eventually(t, func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return len(q.waiting["central"]) == 2
	}, 2*time.Minute, time.Millisecond)
	close(hold)
	wg.Wait()
	require.Equal(t, []int{1, 2}, sizes)
}
