package secrets

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var errAway = errors.New("away")

func TestResolverReadsScopes(t *testing.T) {
	t.Setenv("SECRETS_TEST", "from env")
	r := Resolver{Databricks: func(_ context.Context, scope, key string) (string, error) {
		switch key {
		case "away":
			return "", errAway
		case "empty":
			return "", nil
		}
		return scope + " " + key, nil
	}}
	for name, c := range map[string]struct {
		ref, want string
		err       error
	}{
		"OK":                   {ref: "databricks:crm/password", want: "crm password"},
		"OK signs in names":    {ref: "databricks:a@b.c-d_e/f.g-h_i", want: "a@b.c-d_e f.g-h_i"},
		"OK env as ever":       {ref: "env:SECRETS_TEST", want: "from env"},
		"ErrNotFound env":      {ref: "env:SECRETS_TEST_UNSET", err: ErrNotFound},
		"ErrNotFound empty":    {ref: "databricks:crm/empty", err: ErrNotFound},
		"ErrReference no key":  {ref: "databricks:crm", err: ErrReference},
		"ErrReference no kind": {ref: "hunter2", err: ErrReference},
		"Err of the workspace": {ref: "databricks:crm/away", err: errAway},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := r.Resolve(context.Background(), c.ref)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestScopesTakeAWorkspace(t *testing.T) {
	require.NoError(t, Check("databricks:scope/key"))
	for _, resolve := range []func(context.Context, string) (string, error){Resolve, new(Resolver).Resolve} {
		_, err := resolve(context.Background(), "databricks:scope/key")
		require.ErrorIs(t, err, ErrReference)
		require.ErrorContains(t, err, "lake of kind databricks")
	}
}

func TestResolverAsksOnceAMinute(t *testing.T) {
	var asked atomic.Int32
	release := make(chan struct{})
	r := Resolver{Databricks: func(context.Context, string, string) (string, error) {
		asked.Add(1)
		<-release
		return "hunter2", nil
	}}
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if got, err := r.Resolve(context.Background(), "databricks:crm/password"); err != nil || got != "hunter2" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	require.Eventually(t, func() bool { return asked.Load() > 0 }, 2*time.Minute, time.Millisecond)
	close(release)
	all.Wait()
	// A caller that had not asked yet when the answer came is told what was kept.
	require.Equal(t, int32(1), asked.Load())

	r.kept["crm/password"] = kept{"hunter2", time.Now().Add(-time.Second)}
	_, err := r.Resolve(context.Background(), "databricks:crm/password")
	require.NoError(t, err)
	require.Equal(t, int32(2), asked.Load(), "after a minute a changed secret is seen")
}

func TestResolverKeepsOnlySoMany(t *testing.T) {
	r := Resolver{Databricks: func(_ context.Context, _, key string) (string, error) { return key, nil }}
	for i := range 2 * keepMax {
		_, err := r.Resolve(context.Background(), fmt.Sprintf("databricks:s/k%d", i))
		require.NoError(t, err)
	}
	require.LessOrEqual(t, len(r.kept), keepMax)
}

func TestResolverKeepsNoErrors(t *testing.T) {
	var fails atomic.Bool
	fails.Store(true)
	r := Resolver{Databricks: func(context.Context, string, string) (string, error) {
		if fails.Load() {
			return "", errAway
		}
		return "hunter2", nil
	}}
	_, err := r.Resolve(context.Background(), "databricks:s/k")
	require.ErrorIs(t, err, errAway)
	fails.Store(false)
	got, err := r.Resolve(context.Background(), "databricks:s/k")
	require.NoError(t, err)
	require.Equal(t, "hunter2", got)
}

func TestResolverEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	r := Resolver{Databricks: func(context.Context, string, string) (string, error) { <-release; return "hunter2", nil }}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for range 2 {
		_, err := r.Resolve(ctx, "databricks:s/k")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}
