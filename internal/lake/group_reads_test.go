package lake

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// readGate is a lake whose first read waits, so that others gather behind it.
type readGate struct {
	Lake
	entered, open chan struct{}
	runs          []LastRun
	fail          error

	mu    sync.Mutex
	asked []Filter
}

func (g *readGate) LastRuns(_ context.Context, _ string, filter Filter) ([]LastRun, error) {
	g.mu.Lock()
	g.asked = append(g.asked, filter)
	first := len(g.asked) == 1
	g.mu.Unlock()
	if first {
		close(g.entered)
		<-g.open
	}
	if g.fail != nil && filter.Client == "" {
		return nil, g.fail
	}
	var found []LastRun
	for _, run := range g.runs {
		if filter.matches(run.Ref) {
			found = append(found, run)
		}
	}
	return found, nil
}

func logged(client, tableName string) LastRun {
	return LastRun{Ref: table.Ref{Sync: "daily", Region: "eu", Client: client, Schema: "central", Table: tableName}}
}

// readBehind asks for the clients' runs while a first read is held, and returns what each got.
func readBehind(t *testing.T, g *readGate, clients ...string) (found map[string][]LastRun, errs error) {
	t.Helper()
	l := Group(g)
	var wg sync.WaitGroup
	var mu sync.Mutex
	found = map[string][]LastRun{}
	ask := func(client string) {
		wg.Go(func() {
			runs, err := l.LastRuns(t.Context(), "central", Filter{Region: "eu", Client: client, Tables: []string{"orders"}})
			mu.Lock()
			defer mu.Unlock()
			found[client], errs = runs, errors.Join(errs, err)
		})
	}
	ask("first")
	<-g.entered
	q := l.(*grouped).reads
	for i, client := range clients {
		ask(client)
		require.Eventually(t, func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			return len(q.waiting["central"]) == i+1
		}, 2*time.Minute, time.Millisecond)
	}
	close(g.open)
	wg.Wait()
	return found, errs
}

func newReadGate() *readGate {
	return &readGate{
		entered: make(chan struct{}), open: make(chan struct{}),
		runs: []LastRun{logged("a", "orders"), logged("a", "lines"), logged("b", "orders"), logged("other", "orders")},
	}
}

func TestReadsThatWaitAreOneReadAndEachGetsItsOwn(t *testing.T) {
	g := newReadGate()
	found, err := readBehind(t, g, "a", "b", "nobody")
	require.NoError(t, err)
	require.Equal(t, map[string][]LastRun{"first": nil, "a": {logged("a", "orders")}, "b": {logged("b", "orders")}, "nobody": nil}, found)
	require.Equal(t, []Filter{{Region: "eu", Client: "first", Tables: []string{"orders"}}, {Region: "eu", Tables: []string{"orders"}}}, g.asked)
}

func TestReadsThatFailTogetherAreTriedOneByOne(t *testing.T) {
	g := newReadGate()
	g.fail = errors.New("too much at once")
	found, err := readBehind(t, g, "a", "b")
	require.NoError(t, err)
	require.Equal(t, []LastRun{logged("a", "orders")}, found["a"])
	require.Len(t, g.asked, 4)
}

func TestFiltersOfSeveralClientsWiden(t *testing.T) {
	two := Filter{Clients: []string{"acme", "globex"}}
	require.True(t, two.matches(logged("globex", "orders").Ref))
	require.False(t, two.matches(logged("initech", "orders").Ref))
	require.Equal(t, Filter{Clients: []string{"acme", "globex", "initech"}}, two.widen(Filter{Clients: []string{"initech", "acme"}}))
	require.Equal(t, Filter{}, two.widen(Filter{Client: "initech"}), "all")
}
