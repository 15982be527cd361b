package config

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

var update = flag.Bool("update", false, "write the golden files anew")

// settings is a tributary.yaml that has what is required.
const minimal = "clients: {file: clients.yaml}\n"

// dir makes a configuration directory of the given files.
func dir(t *testing.T, files map[string]string) string {
	t.Helper()
	path := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte(text), 0o600))
	}
	return path
}

// daily is a directory whose only sync is the given one.
func daily(t *testing.T, text string) string {
	return dir(t, map[string]string{"tributary.yaml": minimal, "daily.yaml": text})
}

// loaded loads what must load.
func loaded(t *testing.T, path string) *Config {
	t.Helper()
	c, err := Load(path)
	require.NoError(t, err)
	return c
}

// faults loads what must not, and returns each fault in a line.
func faults(t *testing.T, path string) []string {
	t.Helper()
	_, err := Load(path)
	require.ErrorIs(t, err, ErrInvalid)
	var all Faults
	require.ErrorAs(t, err, &all)
	require.NotEmpty(t, all)
	for _, f := range all {
		require.NotEmpty(t, f.Fix, "a fault says what to do: %s", f)
	}
	return strings.Split(all.Error(), "\n")
}

func TestLoadReportsAllFaultsAtOnce(t *testing.T) {
	t.Setenv("TRIBUTARY_LAKE_MEMORY", "much")
	t.Setenv("TRIBUTARY_SCRATCH_THREADS", "hunter2")
	got := strings.Join(faults(t, "testdata/faults"), "\n") + "\n"
	require.NotContains(t, got, "hunter2", "what may be a secret is not shown")
	if *update {
		require.NoError(t, os.WriteFile("testdata/faults.golden", []byte(got), 0o600))
	}
	want, err := os.ReadFile("testdata/faults.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestLoadFillsInDefaults(t *testing.T) {
	path := daily(t, "target: {schema: central}\ntables: [{name: orders, cursor: updated_at}, {name: products}]")
	c := loaded(t, path)
	require.Equal(t, &Config{
		Dir:     path,
		Lake:    Lake{Kind: "local", Path: filepath.Join(path, "lake"), Memory: "1GB", StatementTimeout: 2 * time.Hour},
		Clients: Clients{File: filepath.Join(path, "clients.yaml"), Timeout: 10 * time.Second, Retries: 3},
		Worker:  Worker{Health: "127.0.0.1:8090", MaxSources: 8, StopTimeout: 30 * time.Second},
		Scratch: Scratch{Path: filepath.Join(os.TempDir(), "tributary"), Memory: "1GB"},
		Syncs: []Sync{{
			Name: "daily", Parallel: Parallel{Clients: 8, TablesPerClient: 2}, Target: Target{Schema: "central"},
			Retry:    Retry{Attempts: 6, Initial: time.Second, Max: time.Minute},
			Timeouts: Timeouts{Extract: 12 * time.Hour, Step: 6 * time.Hour, Heartbeat: 30 * time.Second},
			Tables: []table.Spec{
				{Name: "orders", Target: "orders", Cursor: "updated_at", OnNullCursor: "include", Overlap: 10 * time.Minute, OverlapRows: 1000,
					ZeroDates: "null", TinyInt1: "number", DatetimeZone: "UTC", Drift: "evolve", Deletes: table.Deletes{MaxShare: 0.5}, PartitionBy: []string{"region", "client_id"}},
				{Name: "products", Target: "products",
					ZeroDates: "null", TinyInt1: "number", DatetimeZone: "UTC", Drift: "evolve", Deletes: table.Deletes{MaxShare: 0.5}, PartitionBy: []string{"region", "client_id"}},
			},
			Maintain: Maintain{Optimize: true, Vacuum: true, Retention: 168 * time.Hour, Staging: 168 * time.Hour},
		}},
	}, c)
}

func TestLoadKeepsNamesAsTheyAreWritten(t *testing.T) {
	const asYAML = `
target: {schema: central}
tables:
  - name: Kunden
    rename: {KundenNr: CustomerNo, kunde.Adresse.PLZ: Zip}
    fill: {Source.System: "Shop A", lower: "~"}
`
	const asJSON = `{"target": {"schema": "central"}, "tables": [{"name": "Kunden",
		"rename": {"KundenNr": "CustomerNo", "kunde.Adresse.PLZ": "Zip"}, "fill": {"Source.System": "Shop A", "lower": "~"}}]}`
	fromYAML := loaded(t, daily(t, asYAML))
	fromJSON := loaded(t, dir(t, map[string]string{"tributary.json": `{"clients": {"file": "clients.yaml"}}`, "daily.json": asJSON}))
	require.Equal(t, map[string]string{"KundenNr": "CustomerNo", "kunde.Adresse.PLZ": "Zip"}, fromYAML.Syncs[0].Tables[0].Rename)
	require.Equal(t, map[string]string{"Source.System": "Shop A", "lower": "~"}, fromYAML.Syncs[0].Tables[0].Fill)
	require.Equal(t, fromYAML.Syncs, fromJSON.Syncs)
}

func TestSyncSurvivesJSON(t *testing.T) {
	for _, want := range loaded(t, "example").Syncs {
		data, err := json.Marshal(want)
		require.NoError(t, err)
		var got Sync
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want, got)
	}
}

func TestLoadExample(t *testing.T) {
	c := loaded(t, "example")
	require.Len(t, c.Syncs, 3)
	s, err := c.Sync("daily")
	require.NoError(t, err)
	require.Len(t, s.Tables, 3)
	_, err = c.Sync("dayly")
	require.ErrorContains(t, err, "daily, monthly, weekly")

	r, err := c.Registry(nil)
	require.NoError(t, err)
	clients, err := r.Clients(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, clients, 6)
	regions, err := r.Regions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"ap", "eu", "us"}, regions)
}

func TestLoadErrDirectory(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)

	got := faults(t, t.TempDir())
	require.Len(t, got, 2)
	require.Contains(t, got[0], "there is no tributary.yaml")
	require.Contains(t, got[1], "there is no sync")
}

func TestLoadReadsOnlyConfiguration(t *testing.T) {
	path := dir(t, map[string]string{
		"tributary.yaml": "clients: {file: tenants.yaml}", "tenants.yaml": "not: a sync", "clients.json": "nor: this",
		".hidden.yaml": "nor: this", "README.md": "nor this", "daily.yml": "target: {schema: s}\ntables: [{name: a}]",
	})
	require.NoError(t, os.Mkdir(filepath.Join(path, "folder.yaml"), 0o700))
	require.Len(t, loaded(t, path).Syncs, 1)
}

func TestLoadErrTwoFilesForOneName(t *testing.T) {
	sync := "target: {schema: s}\ntables: [{name: a}]"
	for _, twin := range []string{"daily.json", "daily.yml", "Daily.yaml"} {
		path := daily(t, sync)
		require.NoError(t, os.WriteFile(filepath.Join(path, twin), []byte(`{"target": {"schema": "s"}, "tables": [{"name": "a"}]}`), 0o600))
		got := faults(t, path)
		require.Len(t, got, 1)
		require.Contains(t, got[0], "has the same name; keep one of the two files")
	}
}
