package tests

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/worker/serve"
	"tributary/workflows"
)

// newFaultStack starts a stack with one MariaDB server, whose clients of region eu have the tables of shop.
func newFaultStack(t *testing.T, sync string, clients ...string) *stack {
	t.Helper()
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t)}
	server := testserver.MariaDB(t, testserver.Private())
	for _, id := range clients {
		c := tenant{ID: id, Region: "eu", Database: server.Database(t, id), server: server}
		server.ExecIn(t, c.Database, shopTables, fewRows(id))
		s.clients = append(s.clients, c)
	}
	s.configure(t, sync)
	return s
}

// fewRows fills the tables of one client with a fraction of shopRows.
func fewRows(client string) string {
	return strings.NewReplacer("seq_1_to_2000", "seq_1_to_200", "seq_1_to_500", "seq_1_to_50").Replace(shopRows(client))
}

// work runs a worker in this process until it is stopped or the test ends, and returns where its log is.
func (s *stack) work(t *testing.T) (log string, stop func()) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "worker-*.log")
	require.NoError(t, err)
	cfg := s.config(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serve.Run(ctx, cfg, slog.New(slog.NewTextHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, file.Close())
	}
	t.Cleanup(stop)
	return file.Name(), stop
}

// state is all that the lake knows of a client table, but for the fact that a run has failed.
type state struct{ Rows, Log []string }

func (s *stack) state(t *testing.T, l lake.Lake, client, name string) state {
	t.Helper()
	return state{
		Rows: s.query(t, l, fmt.Sprintf("select * from %s where client_id = '%s' order by all", name, client)),
		Log: s.query(t, l, fmt.Sprintf("select watermark, last_sync_timestamp from sync_log where client_id = '%s' and table_name = '%s'",
			client, name)),
	}
}

// requireFailure requires that the last run of a client table failed with an error that says all of that, after so many
// attempts; 1 is an error that is not tried again.
func (s *stack) requireFailure(t *testing.T, l lake.Lake, client, name string, attempts int32, says ...string) {
	t.Helper()
	got := s.query(t, l, fmt.Sprintf("select status, error from sync_log where client_id = '%s' and table_name = '%s'", client, name))
	require.Len(t, got, 1, "%s of %s", name, client)
	for _, text := range append([]string{"failed|"}, says...) {
		require.Contains(t, got[0], text, "%s of %s", name, client)
	}
	require.Equal(t, got[0], s.query(t, l, fmt.Sprintf(`select status, error from sync_runs where client_id = '%s' and table_name = '%s'
		order by started_at desc limit 1`, client, name))[0])
	s.requireAttempts(t, attempts, workflows.TableSyncID(table.Ref{Client: client, Table: name}))
}

// requireAttempts requires that the step that failed in the last run of a workflow was tried as often as its retry policy lets it;
// or, for 1, that its last error is one that is not tried again: a loaded machine may have had another one before it.
func (s *stack) requireAttempts(t *testing.T, attempts int32, id string) {
	t.Helper()
	why := enums.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
	if attempts == 1 {
		why = enums.RETRY_STATE_NON_RETRYABLE_FAILURE
	}
	events := s.temporal.Client.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	started := map[int64]int32{}
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if a := event.GetActivityTaskStartedEventAttributes(); a != nil {
			started[event.GetEventId()] = a.GetAttempt()
		}
		if a := event.GetActivityTaskFailedEventAttributes(); a != nil {
			require.Equal(t, why, a.GetRetryState(), "%s: %s", id, a.GetFailure().GetMessage())
			if attempts > 1 {
				require.Equal(t, attempts, started[a.GetStartedEventId()], "%s: %s", id, a.GetFailure().GetMessage())
			}
			return
		}
	}
	require.Fail(t, "no step failed", id)
}

// requireNothingLeft requires that the scratch folder and the staging area are empty.
func (s *stack) requireNothingLeft(t *testing.T) {
	t.Helper()
	for _, pattern := range []string{"lake/_staging/*", "scratch/worker-*/*-*", "lake/central/*/_delta_log/.*.tmp"} {
		left, err := filepath.Glob(filepath.Join(s.dir, pattern))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// requireClientTable compares one client table's source and lake row by row.
func (s *stack) requireClientTable(t *testing.T, l lake.Lake, c tenant, name string) {
	t.Helper()
	compare := comparisons[name]
	want := c.rows(t, strings.ReplaceAll(compare.source, "CLIENTID", c.ID))
	require.NotEmpty(t, want)
	require.Equal(t, want, s.query(t, l, fmt.Sprintf("select %s from %s where client_id = '%s' order by %s", compare.columns, name, c.ID, compare.order)), "%s of %s", name, c.ID)
}

// clientNamed returns a client of the stack, to be changed.
func (s *stack) clientNamed(id string) *tenant {
	for i := range s.clients {
		if s.clients[i].ID == id {
			return &s.clients[i]
		}
	}
	return nil
}

// executions lists every workflow of the stack.
func (s *stack) executions(t *testing.T) []workflowID {
	t.Helper()
	listed, err := s.temporal.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.temporal.Namespace, PageSize: 1000})
	require.NoError(t, err)
	require.Empty(t, listed.GetNextPageToken())
	var ids []workflowID
	for _, info := range listed.GetExecutions() {
		ids = append(ids, workflowID{info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId()})
	}
	return ids
}

type workflowID struct{ id, run string }
