package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/lake"
)

func TestWhatALakeFindsIsReported(t *testing.T) {
	findings := []lake.Finding{
		{What: "warehouse 0a1b is running"},
		{What: "schema main.central can be written", Problem: "the service principal may not create tables in it", Fix: "GRANT CREATE TABLE ON SCHEMA main.central"},
		{What: "staging /Volumes/main/central/staging can be written", Problem: "it is not there"},
	}
	c := &checker{}
	require.True(t, c.found(findings[:1]))
	require.False(t, c.found(findings[1:]), "tables are not described on a lake that cannot be used")
	got, err := printed(t, outputTable, func(a *app) error { return a.report(c.findings) })
	require.Equal(t, codeError, exitCode(t.Context(), err))
	golden(t, "check_lake", got)
}

func TestALocalLakeIsCheckedWithoutMakingOne(t *testing.T) {
	cfg := &config.Config{Lake: config.Lake{Kind: config.LakeLocal, Path: filepath.Join(t.TempDir(), "lake")}}
	c := &checker{cfg: cfg}
	c.lake(context.Background())
	require.Equal(t, []finding{{Check: "lake", Status: findingOK, Detail: cfg.Lake.Path + " can be written"}}, c.findings)
	require.Nil(t, c.central)
	require.NoDirExists(t, cfg.Lake.Path)
}

func TestTablesAreNamedAsPeopleWriteThem(t *testing.T) {
	one := loadConfig(t, configDir(t, map[string]string{"daily.yaml": testSync}))
	several := loadConfig(t, configDir(t, map[string]string{
		"daily.yaml":  testSync,
		"weekly.yaml": "target: {schema: archive}\ntables: [{name: invoices}]\n",
	}))
	several.Syncs[1].Target.Catalog = "main"
	for name, test := range map[string]struct {
		cfg     *config.Config
		written string
		want    tableName
	}{
		"OKOnlySchema":     {one, "anything", tableName{"central", "anything"}},
		"OKSchema":         {one, "other.orders", tableName{"other", "orders"}},
		"OKCatalog":        {one, "main.other.orders", tableName{"main.other", "orders"}},
		"OKBySync":         {several, "Invoices", tableName{"main.archive", "Invoices"}},
		"OKCatalogOfASync": {several, "archive.invoices", tableName{"main.archive", "invoices"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tableNamed(test.cfg, test.written)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	for name, test := range map[string]struct{ written, want string }{
		"ErrEmptyPart": {"central.", "is no table's name"},
		"ErrParts":     {"a.b.c.d", "is no table's name"},
		"ErrWhich":     {"sync_log", "write schema.sync_log; schemas are central, main.archive"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tableNamed(several, test.written)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestAFaultOfAllTablesIsOneOfTheLake(t *testing.T) {
	down, missing := errors.New("the server is down"), fmt.Errorf("table: %w", lake.ErrNotFound)
	a, b := tableName{"central", "a"}, tableName{"central", "b"}
	require.Equal(t, down, commonFault(map[tableName]described{a: {err: down}, b: {err: down}}))
	require.NoError(t, commonFault(map[tableName]described{a: {err: down}, b: {}}))
	require.NoError(t, commonFault(map[tableName]described{a: {err: down}, b: {err: missing}}))
	require.NoError(t, commonFault(nil))
}
