package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsageErrorsSayWhatToDoAndExitWith1(t *testing.T) {
	dir := configDir(t, map[string]string{"daily.yaml": testSync})
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"ErrCommand":        {[]string{"statsu"}, `unknown command "statsu" for "tributary"; did you mean "status"?`},
		"ErrSubcommand":     {[]string{"schedule", "appply"}, `unknown command "appply" for "tributary schedule"; did you mean "apply"?`},
		"ErrFlag":           {[]string{"run", "daily", "--nope"}, "unknown flag: --nope; see tributary run --help"},
		"ErrNoSync":         {[]string{"run"}, "tributary run takes one SYNC, and got 0; usage: tributary run SYNC"},
		"ErrSync":           {[]string{"run", "dialy"}, `did you mean "daily"?`},
		"ErrOutput":         {[]string{"status", "-o", "csv"}, `unknown output "csv"; use table or json`},
		"ErrTable":          {[]string{"run", "daily", "--table", "order"}, `unknown table "order"; did you mean "orders"?`},
		"ErrClient":         {[]string{"run", "daily", "--client", "acm"}, `unknown client "acm"; did you mean "acme"?`},
		"ErrRegion":         {[]string{"run", "daily", "--region", "eux"}, `unknown region "eux"; did you mean "eu"?`},
		"ErrRegionEmpty":    {[]string{"run", "daily", "--region", "ap"}, "sync daily has no clients to work on with region=ap"},
		"ErrVersionAndAsOf": {[]string{"query", "SELECT 1", "--version", "1", "--as-of", "1h"}, "[as-of version]"},
		"ErrNoLake":         {[]string{"query", "SELECT 1"}, "there is no lake yet"},
		"ErrBackfillWhere":  {[]string{"backfill", "daily", "--table", "orders", "--from", "2026-01-01"}, "name the clients with --client, or write --all-clients"},
		"ErrBackfillRange":  {[]string{"backfill", "daily", "--table", "orders", "--all-clients"}, "write --from, --to or both; the whole table is read by: tributary run daily --full"},
		"ErrBackfillAll":    {[]string{"backfill", "daily"}, "name the table with --table\nname the clients with --client, or write --all-clients\nwrite --from"},
		"ErrBackfillCursor": {[]string{"backfill", "daily", "--table", "customers", "--all-clients", "--from", "1"}, "table customers has no cursor"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := tributary(t, dir, test.args...)
			require.Equal(t, codeError, code)
			require.Empty(t, out)
			require.Contains(t, errOut, test.want)
			require.True(t, strings.HasPrefix(errOut, "tributary: "), errOut)
			require.Equal(t, 1, strings.Count(errOut, test.want), "said once")
		})
	}
}

func TestConfigurationFaultsAreAllReported(t *testing.T) {
	dir := configDir(t, map[string]string{"daily.yaml": "target: {schema: central}\ntabels: []\nparallel: {clients: no}\n"})
	code, out, errOut := tributary(t, dir, "check")
	require.Equal(t, codeError, code)
	require.Empty(t, errOut)
	require.Contains(t, out, "tabels")
	require.Contains(t, out, "parallel.clients")
	require.Contains(t, out, "configuration  fault   3 faults\n", "each counts")
	require.Contains(t, out, "\n3 faults, no warnings\n")
	code, out, errOut = tributary(t, dir, "status", "-o", "json")
	require.Equal(t, codeError, code)
	require.Empty(t, out)
	require.Contains(t, errOut, "tabels")
	require.Contains(t, errOut, "parallel.clients")
}

func TestVersionIsPrinted(t *testing.T) {
	code, out, _ := tributary(t, t.TempDir(), "version")
	require.Equal(t, codeOK, code)
	require.Contains(t, out, "tributary ")
	code, out, _ = tributary(t, t.TempDir(), "version", "-o", "json")
	require.Equal(t, codeOK, code)
	var v map[string]string
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.NotEmpty(t, v["version"])
}

func TestCompletionOffersNames(t *testing.T) {
	dir := configDir(t, map[string]string{"daily.yaml": testSync, "weekly.yaml": testSync})
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"Syncs":       {[]string{"run", ""}, []string{"daily", "weekly"}},
		"SecondSync":  {[]string{"check", "daily", ""}, []string{"weekly"}},
		"Clients":     {[]string{"run", "daily", "--client", ""}, []string{"acme", "bolt", "cactus"}},
		"Regions":     {[]string{"run", "daily", "--region", ""}, []string{"ap", "eu", "us"}},
		"Tables":      {[]string{"backfill", "daily", "--table", ""}, []string{"customers", "orders"}},
		"Outputs":     {[]string{"query", "--output", ""}, []string{"table", "json", "csv"}},
		"Schemas":     {[]string{"query", "--schema", ""}, []string{"central"}},
		"NoMoreSyncs": {[]string{"run", "daily", ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TRIBUTARY_CONFIG", dir)
			code, out, _ := tributary(t, dir, append([]string{"__complete"}, test.args...)...)
			require.Equal(t, codeOK, code)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			require.Equal(t, ":4", lines[len(lines)-1]) // no file names
			require.ElementsMatch(t, test.want, lines[:len(lines)-1])
		})
	}
}
