package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

const aSync = "target: {schema: central}\ntables: [{name: orders}]"

// with is a directory with the given tributary.yaml.
func with(t *testing.T, settings string) string {
	return dir(t, map[string]string{"tributary.yaml": settings, "daily.yaml": aSync})
}

func TestEnvironmentOverridesSettings(t *testing.T) {
	path := with(t, `
lake: {path: ./lake, threads: 2}
clients: {file: Kunden/Liste.yaml, timeout: 5s}
worker: {regions: [eu, us, ap], health: "127.0.0.1:1"}
`)
	absolute := filepath.Join(t.TempDir(), "Scratch")
	for name, value := range map[string]string{
		"TRIBUTARY_LAKE_PATH": "../Lake", "TRIBUTARY_LAKE_THREADS": "7", "TRIBUTARY_WORKER_HEALTH": "off", "TRIBUTARY_WORKER_REGIONS": "us, ap",
		"TRIBUTARY_WORKER_STOP_TIMEOUT": "0d2m", "TRIBUTARY_WORKER_MAX_SOURCES": "010", "TRIBUTARY_SCRATCH_PATH": absolute, "TRIBUTARY_TEMPORAL_ADDRESS": "t:7233",
		"TRIBUTARY_LAKE_MEMORY": "", "TRIBUTARY_TEST_MARIADB": "is no setting",
	} {
		t.Setenv(name, value)
	}
	c := loaded(t, path)
	require.Equal(t, Lake{Kind: "local", Path: filepath.Join(filepath.Dir(path), "Lake"), Memory: "1GB", Threads: 7, StatementTimeout: 2 * time.Hour}, c.Lake)
	require.Equal(t, []string{"us", "ap"}, c.Worker.Regions)
	require.Empty(t, c.Worker.Health)
	require.Equal(t, 2*time.Minute, c.Worker.StopTimeout)
	require.Equal(t, absolute, c.Scratch.Path)
	require.Equal(t, "t:7233", c.Temporal.Address)
	require.Equal(t, Clients{File: filepath.Join(path, "Kunden", "Liste.yaml"), Timeout: 5 * time.Second, Retries: 3}, c.Clients)
}

func TestLimitsAreThoseOfClientsWithoutTheirOwn(t *testing.T) {
	c := loaded(t, with(t, minimal+"limits: {connections: 2, max_statement_time: 5m, hours: 22:00-06:00, time_zone: Europe/Vienna}"))
	require.Equal(t, table.Limits{Connections: 2, MaxStatementTime: 5 * time.Minute, Hours: "22:00-06:00", TimeZone: "Europe/Vienna"}, c.Limits)
	client := table.Client{Connections: 7, Limits: table.Limits{Hours: "01:00-02:00"}}
	require.Equal(t, table.Limits{Connections: 7, MaxStatementTime: 5 * time.Minute, Hours: "01:00-02:00"}, client.Bounds(c.Limits))
}

func TestErrEnvironmentNamesTheVariable(t *testing.T) {
	for name, c := range map[string]struct{ value, says string }{
		"TRIBUTARY_LAKE_KIND":           {"ducklake", `unknown value "ducklake"; use local, spark or databricks`},
		"TRIBUTARY_LAKE_THREADS":        {"many", "its value does not fit; write a whole number"},
		"TRIBUTARY_CLIENTS_TIMEOUT":     {"10", "its value does not fit; write a time with its unit"},
		"TRIBUTARY_WORKER_ROLES":        {"source,lakes", `unknown value "lakes"`},
		"TRIBUTARY_WORKER_REGIONS":      {"eu,,us", "is missing"},
		"TRIBUTARY_WORKER_HEALTH":       {"8090", "write host:port"},
		"TRIBUTARY_CLIENTS_RETRIES":     {"-1", "is negative"},
		"TRIBUTARY_WORKER_STOP_TIMEOUT": {"-1s", "its value does not fit; write a time with its unit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, c.value)
			got := faults(t, with(t, minimal))
			require.Len(t, got, 1)
			require.Contains(t, got[0], "environment: "+name+": ")
			require.Contains(t, got[0], c.says)
		})
	}
}

func TestErrSettings(t *testing.T) {
	for name, c := range map[string]struct{ settings, says string }{
		"misspelt section":      {"clients: {file: c.yaml}\nlaek: {}", "tributary.yaml:2: laek: unknown key; did you mean lake?"},
		"wrong case":            {"Clients: {file: c.yaml}\nclients: {file: c.yaml}", "Clients: unknown key; did you mean clients?"},
		"unknown kind":          {minimal + "lake: {kind: ducklake}", `lake.kind: unknown value "ducklake"; use local, spark or databricks`},
		"another lake's":        {minimal + "lake: {warehouse: abc}", "tributary.yaml:2: lake.warehouse: is not a setting of a lake of kind local; remove it, or change lake.kind to databricks"},
		"limits":                {minimal + "limits: {rows_per_second: -1}", "tributary.yaml:2: limits.rows_per_second: is negative; write 1 or more, or remove it"},
		"no path":               {minimal + `lake: {path: ""}`, "lake.path: is missing"},
		"size without unit":     {minimal + `scratch: {memory: "100"}`, "scratch.memory: is not a size"},
		"no clients":            {"lake: {}", "clients: has neither file nor url"},
		"not a URL":             {"clients: {url: registry}", "clients.url: is not the address of a service"},
		"a password in the URL": {"clients: {url: 'https://u:hunter2@h/'}", "clients.url: has a user or a password in it"},
		"plain token":           {"clients: {url: 'https://h/', token: hunter2}", "clients.token: is not a usable secret reference"},
		"no timeout":            {"clients: {url: 'https://h/', timeout: 0s}", "clients.timeout: is too small"},
		"duration without unit": {"clients: {url: 'https://h/', timeout: 10}", "clients.timeout: is a number; write a time with its unit"},
		"region twice":          {minimal + "worker: {regions: [eu, EU]}", `worker.regions[1]: "EU" is in the list already`},
		"a list":                {"- a", "tributary.yaml:1: is a list; write keys and values"},
	} {
		t.Run(name, func(t *testing.T) {
			got := faults(t, with(t, c.settings))
			require.Len(t, got, 1)
			require.Contains(t, got[0], c.says)
			require.NotContains(t, got[0], "hunter2")
		})
	}
}

const profiles = `
[profile.default]
address = "default.example:7233"
[profile.prod]
address = "prod.example:7233"
namespace = "shop"
api_key = "k"
[profile.bare]
namespace = "bare"
`

func TestTemporalOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(file, []byte(profiles), 0o600))
	ours := Temporal{ConfigFile: file, Address: "ours:7233", Namespace: "ours"}
	for name, c := range map[string]struct {
		profile            string
		env                map[string]string
		address, namespace string
	}{
		"OK the default profile":     {"", nil, "default.example:7233", "ours"},
		"OK our profile":             {"prod", nil, "prod.example:7233", "shop"},
		"OK the variable's profile":  {"", map[string]string{"TEMPORAL_PROFILE": "prod"}, "prod.example:7233", "shop"},
		"OK our address as default":  {"bare", nil, "ours:7233", "bare"},
		"OK variables count most":    {"prod", map[string]string{"TEMPORAL_ADDRESS": "env:1", "TEMPORAL_NAMESPACE": "env"}, "env:1", "env"},
		"OK ours over TEMPORAL_PROF": {"bare", map[string]string{"TEMPORAL_PROFILE": "prod"}, "ours:7233", "bare"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"TEMPORAL_PROFILE", "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"} {
				t.Setenv(variable, c.env[variable])
				if c.env[variable] == "" {
					require.NoError(t, os.Unsetenv(variable))
				}
			}
			ours.Profile = c.profile
			options, err := (&Config{Temporal: ours}).TemporalOptions()
			require.NoError(t, err)
			require.Equal(t, c.address, options.HostPort)
			require.Equal(t, c.namespace, options.Namespace)
			require.Equal(t, options.HostPort == "prod.example:7233" || c.env["TEMPORAL_ADDRESS"] != "", options.Credentials != nil, "an API key comes with its profile")
		})
	}
	_, err := (&Config{Temporal: Temporal{ConfigFile: file, Profile: "none"}}).TemporalOptions()
	require.ErrorContains(t, err, `profile "none"`)
	_, err = (&Config{Temporal: Temporal{ConfigFile: file + "x"}}).TemporalOptions()
	require.ErrorIs(t, err, os.ErrNotExist)
}
