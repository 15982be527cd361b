package databricks

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/secrets"
	fake "tributary/internal/testserver/workspace"
)

func TestSecret(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	w.PutSecret("crm", "password", "hunter2\n")
	w.PutSecret("crm", "binary", "\x00\xff")
	w.PutSecret("vault", "password", "from the vault")
	w.PutSecret("crm", "empty", "")
	w.PutSecret("closed", "password", "hunter2")
	w.Deny("READ closed")
	opened := open(t, w)
	for ref, want := range map[string]string{"crm/password": "hunter2\n", "crm/binary": "\x00\xff", "vault/password": "from the vault"} {
		t.Run("OK "+ref, func(t *testing.T) {
			scope, key, _ := strings.Cut(ref, "/")
			got, err := opened.Secret(context.Background(), scope, key)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	for name, c := range map[string]struct {
		scope, key string
		want       error
		says       string
	}{
		"ErrNotFound scope": {"none", "password", secrets.ErrNotFound, "Scope none does not exist"},
		"ErrNotFound key":   {"crm", "none", secrets.ErrNotFound, "list-secrets crm"},
		"ErrNotFound empty": {"crm", "empty", secrets.ErrNotFound, "is empty"},
		"ErrDenied":         {"closed", "password", secrets.ErrDenied, "READ on the secret scope closed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := opened.Secret(context.Background(), c.scope, c.key)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestJobs(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	opened, ctx := open(t, w), context.Background()
	w.AddJob(fake.Job{ID: 7, Running: 2})
	w.AddJob(fake.Job{ID: 8, Result: "FAILED", Message: "task gold failed"})
	w.AddJob(fake.Job{ID: 9, Skipped: true, Message: "too many runs"})
	w.AddJob(fake.Job{ID: 10, Result: "TIMEDOUT"})
	w.AddJob(fake.Job{ID: 11, Running: 1000})
	states := func(t *testing.T, run int64) (all []string, last JobRun) {
		for {
			state, err := opened.JobRun(ctx, run)
			require.NoError(t, err)
			all = append(all, state.State)
			if state.Done() {
				return all, state
			}
		}
	}
	t.Run("OK once under a token", func(t *testing.T) {
		asked := RunJob{JobID: 7, Parameters: map[string]string{"date": "2026-11-21"}, Token: "sync/daily/1"}
		w.Fail(fake.Fault{Prefix: "/api/2.2/jobs/run-now", CutResponse: 3}) // the run began, and the answer was lost
		run, err := opened.RunJob(ctx, asked)
		require.NoError(t, err)
		again, err := opened.RunJob(ctx, asked)
		require.NoError(t, err)
		require.Equal(t, run, again)
		require.Equal(t, []map[string]string{asked.Parameters}, w.Runs(7))
		all, last := states(t, run)
		require.Equal(t, []string{JobRunning, JobRunning, JobRunning, JobSucceeded}, all)
		require.Contains(t, last.URL, "/jobs/7/runs/")
		other, err := opened.RunJob(ctx, RunJob{JobID: 7, Token: "sync/daily/2"})
		require.NoError(t, err)
		require.NotEqual(t, run, other)
	})
	for id, want := range map[int64]JobRun{8: {State: JobFailed, Message: "task gold failed"}, 9: {State: JobSkipped, Message: "too many runs"}, 10: {State: JobFailed}} {
		t.Run("OK ends as "+want.State, func(t *testing.T) {
			run, err := opened.RunJob(ctx, RunJob{JobID: id, Token: "t" + want.State + want.Message})
			require.NoError(t, err)
			_, last := states(t, run)
			require.Equal(t, want.State, last.State)
			require.Equal(t, want.Message, last.Message)
		})
	}
	t.Run("OK cancelled", func(t *testing.T) {
		run, err := opened.RunJob(ctx, RunJob{JobID: 11, Token: "t"})
		require.NoError(t, err)
		require.NoError(t, opened.CancelRun(ctx, run))
		require.NoError(t, opened.CancelRun(ctx, run))
		_, last := states(t, run)
		require.Equal(t, JobCancelled, last.State)
	})
	t.Run("ErrMissing job", func(t *testing.T) {
		_, err := opened.RunJob(ctx, RunJob{JobID: 99, Token: "t"})
		require.ErrorIs(t, err, ErrMissing)
		require.ErrorContains(t, err, "Job 99 does not exist")
	})
	t.Run("ErrMissing run", func(t *testing.T) {
		_, err := opened.JobRun(ctx, 99)
		require.ErrorIs(t, err, ErrMissing)
		require.ErrorIs(t, opened.CancelRun(ctx, 99), ErrMissing)
	})
	t.Run("ErrDenied", func(t *testing.T) {
		w.Deny("CAN MANAGE RUN 7")
		_, err := opened.RunJob(ctx, RunJob{JobID: 7, Token: "t"})
		require.ErrorIs(t, err, ErrDenied)
		require.ErrorContains(t, err, "CAN MANAGE RUN")
	})
	t.Run("ErrInvalid token", func(t *testing.T) {
		for _, token := range []string{"", strings.Repeat("x", 65)} {
			_, err := opened.RunJob(ctx, RunJob{JobID: 7, Token: token})
			require.ErrorIs(t, err, ErrInvalid)
		}
	})
}

func TestWarehouse(t *testing.T) {
	w := fake.Start(t, fake.Options{StartRequests: 1})
	opened, ctx := open(t, w), context.Background()
	t.Run("OK runs", func(t *testing.T) {
		found, err := opened.Warehouse(ctx, fake.DefaultWarehouse)
		require.NoError(t, err)
		require.Equal(t, Warehouse{ID: fake.DefaultWarehouse, Name: "Tributary", State: WarehouseRunning, Size: "2X-Small", MaxClusters: 1}, found)
		require.NoError(t, opened.StartWarehouse(ctx, fake.DefaultWarehouse))
	})
	t.Run("OK started and awaited", func(t *testing.T) {
		w.StopWarehouse(fake.DefaultWarehouse)
		var said []string
		found, err := opened.AwaitWarehouse(ctx, fake.DefaultWarehouse, func(s Warehouse) { said = append(said, s.State) })
		require.NoError(t, err)
		require.Equal(t, WarehouseRunning, found.State)
		require.Equal(t, []string{WarehouseStopped, WarehouseStarting}, said)
	})
	t.Run("Err awaited for too long", func(t *testing.T) {
		w.StopWarehouse(fake.DefaultWarehouse)
		short, cancel := context.WithCancel(ctx)
		defer cancel()
		_, err := opened.AwaitWarehouse(short, fake.DefaultWarehouse, func(Warehouse) { cancel() })
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "Tributary")
	})
	t.Run("ErrMissing names the others", func(t *testing.T) {
		w.AddWarehouse("other", "Reports")
		for _, ask := range []func() error{
			func() error { _, err := opened.Warehouse(ctx, "none"); return err },
			func() error { return opened.StartWarehouse(ctx, "none") },
			func() error { _, err := opened.AwaitWarehouse(ctx, "none", nil); return err },
		} {
			err := ask()
			require.ErrorIs(t, err, ErrMissing)
			require.ErrorContains(t, err, "there are 0123456789abcdef (Tributary), other (Reports)")
		}
		w.Deny("CAN USE other")
		_, err := opened.Warehouse(ctx, "none")
		require.NotContains(t, err.Error(), "Reports")
	})
	t.Run("ErrDenied", func(t *testing.T) {
		w.Deny("CAN USE " + fake.DefaultWarehouse)
		_, err := opened.Warehouse(ctx, fake.DefaultWarehouse)
		require.ErrorIs(t, err, ErrDenied)
		require.ErrorContains(t, err, "CAN USE")
		_, err = opened.Warehouse(ctx, "none")
		require.ErrorContains(t, err, "may use no warehouse")
	})
	require.Zero(t, w.Count(http.MethodDelete, "/"))
}
