package open_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/databricks"
	"tributary/internal/lake/open"
	"tributary/internal/secrets"
	"tributary/internal/testserver/workspace"
)

// databricksLake is a lake in a workspace, signed in to as a service principal.
func databricksLake(t *testing.T, w *workspace.Workspace) config.Lake {
	t.Helper()
	t.Setenv("OPEN_TEST_SECRET", w.ClientSecret)
	return config.Lake{
		Kind: config.LakeDatabricks, Host: w.URL, Warehouse: workspace.DefaultWarehouse, Staging: "/Volumes/main/central/staging",
		ClientID: w.ClientID, ClientSecret: "env:OPEN_TEST_SECRET",
	}
}

func TestAccessSharesOneWorkspaceOpenedWhenNeeded(t *testing.T) {
	w := workspace.Start(t, workspace.Options{})
	w.PutSecret("crm", "password", "hunter2")
	t.Setenv("OPEN_TEST_PASSWORD", "plain")
	access := open.NewAccess(databricksLake(t, w))

	got, err := access.Resolve(t.Context(), "env:OPEN_TEST_PASSWORD")
	require.NoError(t, err)
	require.Equal(t, "plain", got)
	require.Empty(t, w.Requests(), "what is not in the workspace takes no sign-in")

	first, err := access.Workspace(t.Context())
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			secret, err := access.Resolve(t.Context(), "databricks:crm/password")
			if err != nil || secret != "hunter2" {
				t.Errorf("got %q, %v", secret, err)
			}
			if again, err := access.Workspace(t.Context()); again != first {
				t.Errorf("another workspace, %v", err)
			}
		})
	}
	all.Wait()
	l, err := access.Lake(t.Context())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Equal(t, 1, w.Count("POST", "/oidc/v1/token"), "signed in once")
	require.Equal(t, 1, w.Count("GET", "/api/2.0/secrets/get"))
}

func TestAccessTriesToSignInAgain(t *testing.T) {
	w := workspace.Start(t, workspace.Options{})
	w.PutSecret("crm", "password", "hunter2")
	access := open.NewAccess(databricksLake(t, w))
	t.Setenv("OPEN_TEST_SECRET", "")
	_, err := access.Resolve(t.Context(), "databricks:crm/password")
	require.ErrorIs(t, err, secrets.ErrNotFound)
	require.ErrorContains(t, err, "lake.client_secret")
	t.Setenv("OPEN_TEST_SECRET", w.ClientSecret)
	got, err := access.Resolve(t.Context(), "databricks:crm/password")
	require.NoError(t, err)
	require.Equal(t, "hunter2", got)
}

func TestErrAccessWithoutAWorkspace(t *testing.T) {
	access := open.NewAccess(config.Lake{Kind: config.LakeLocal, Path: t.TempDir(), Memory: "256MB"})
	_, err := access.Resolve(t.Context(), "databricks:crm/password")
	require.ErrorIs(t, err, secrets.ErrReference)
	_, err = access.Workspace(t.Context())
	require.ErrorIs(t, err, databricks.ErrSettings)
	l, err := access.Lake(t.Context())
	require.NoError(t, err)
	require.NoError(t, l.Close())
}
