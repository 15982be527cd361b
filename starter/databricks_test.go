package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/testserver/workspace"
)

// databricksConfig is a configuration directory whose lake is in a workspace.
func databricksConfig(t *testing.T, warehouse, settings, clients, transform string) string {
	t.Helper()
	t.Setenv("DATABRICKS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	return configDir(t, map[string]string{
		"tributary.yaml": fmt.Sprintf("lake: {kind: databricks, warehouse: %s, staging: /Volumes/main/central/staging, %s}\nclients: {%s}\n", warehouse, settings, clients),
		"daily.yaml":     "target: {catalog: main, schema: central}\ntables: [{name: orders, transform: [" + transform + "]}]\n",
	})
}

func TestErrDatabricksSettingsSayWhichAndWhatToDo(t *testing.T) {
	w := workspace.Start(t, workspace.Options{})
	t.Setenv("STARTER_TEST_TOKEN", w.Token)
	t.Setenv("STARTER_TEST_WRONG", "dapi-hunter2")
	host := fmt.Sprintf("host: %q", w.URL)
	for name, c := range map[string]struct{ warehouse, settings, says string }{
		"no host":         {"abc", "token: 'env:STARTER_TEST_TOKEN'", "no host is given: set lake.host, a profile in lake.profile, or DATABRICKS_HOST"},
		"no profile":      {"abc", "profile: prod", "correct lake.profile"},
		"no credentials":  {"abc", host, "no way to sign in to " + w.URL + " worked: set lake.token"},
		"no secret":       {"abc", host + ", token: 'env:STARTER_TEST_UNSET'", "lake.token: secret env:STARTER_TEST_UNSET: secret not found: set the environment variable STARTER_TEST_UNSET"},
		"wrong token":     {"abc", host + ", token: 'env:STARTER_TEST_WRONG'", "refuses the credentials"},
		"wrong secret":    {"abc", host + ", client_id: me, client_secret: 'env:STARTER_TEST_WRONG'", "refuses client_id and client_secret"},
		"wrong warehouse": {"abc", host + ", token: 'env:STARTER_TEST_TOKEN'", "SQL warehouse abc does not exist; correct lake.warehouse; there are " + workspace.DefaultWarehouse + " (Tributary)"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := tributary(t, databricksConfig(t, c.warehouse, c.settings, "file: clients.yaml", ""), "table", "list")
			require.Equal(t, codeError, code)
			require.Empty(t, out)
			require.Contains(t, errOut, c.says)
			require.NotContains(t, errOut, "hunter2")
		})
	}
}

func TestSecretsComeFromTheWorkspaceOfTheLake(t *testing.T) {
	w := workspace.Start(t, workspace.Options{})
	w.PutSecret("crm", "token", "hunter2")
	w.PutSecret("pii", "salt", "hunter3")
	w.PutSecret("closed", "salt", "hunter4")
	w.Deny("READ closed")
	t.Setenv("STARTER_TEST_SECRET", w.ClientSecret)
	registry := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			answer.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(answer, `{"clients": [{"id": "acme", "region": "eu", "host": "127.0.0.1", "port": 1, "database": "d", "user": "u", "password": "databricks:crm/nothing"}]}`)
	}))
	t.Cleanup(registry.Close)
	settings := fmt.Sprintf("host: %q, client_id: %q, client_secret: 'env:STARTER_TEST_SECRET'", w.URL, w.ClientID)
	clients := fmt.Sprintf("url: %q, token: 'databricks:crm/token'", registry.URL)
	transform := func(scope string) string {
		return "{column: mail, hash: sha256, salt: 'databricks:" + scope + "/salt'}"
	}
	for scope, says := range map[string]string{
		"pii":    "secrets        ok       1 of transforms",
		"closed": "fault: daily/orders: secret databricks:closed/salt: secret may not be read: ",
	} {
		code, out, errOut := tributary(t, databricksConfig(t, "abc", settings, clients, transform(scope)), "check")
		require.Equal(t, codeError, code, errOut)
		require.Contains(t, out, says)
		require.Contains(t, out, "clients        ok       1 of 1 client", "the registry's token is right")
		require.Contains(t, out, `fault: eu/acme: secret databricks:crm/nothing: secret not found: `)
		require.Contains(t, out, "SQL warehouse abc does not exist; correct lake.warehouse")
		require.NotContains(t, out+errOut, "hunter")
	}
	require.Equal(t, 2, w.Count("POST", "/oidc/v1/token"), "each signs in once, for all that it asks")
}
