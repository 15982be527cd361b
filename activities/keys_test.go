package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

func TestReloadsAreBoundByWhatTheRunReadOf(t *testing.T) {
	window := func(kind, high string) table.Window { return table.Window{Kind: kind, Low: "1", High: high} }
	for name, c := range map[string]struct {
		window          table.Window
		watermark, want string
	}{
		"time":                         {window(table.CursorTime, "2026-01-02 00:00:00.000000"), "2026-01-03 00:00:00.000000", "2026-01-02 00:00:00.000000"},
		"date":                         {window(table.CursorDate, "2026-01-02"), "2026-01-01", "2026-01-02"},
		"id":                           {window(table.CursorInteger, "100"), "99", "100"},
		"id, the newest are deleted":   {window(table.CursorInteger, "99"), "100", "100"},
		"id, all are deleted":          {window(table.CursorInteger, ""), "100", "100"},
		"id, nothing is known":         {window(table.CursorInteger, ""), "", ""},
		"id, after another cursor":     {window(table.CursorInteger, "100"), "2026-01-02", "100"},
		"a kind without a known order": {window("string", "x"), "y", ""},
	} {
		in := StepInput{Job: Job{Spec: table.Spec{Deletes: table.Deletes{MaxShare: 0.2}}}, Plan: table.Plan{Watermark: c.watermark}}
		in.Raw = table.Raw{Window: c.window, Keys: []string{"keys"}}
		var batch table.Batch
		in.setDeletes(&batch)
		require.Equal(t, table.Batch{Reload: true, ReloadBelow: c.want, MaxDeleteShare: 0.2}, batch, name)

		in.Raw.Keys, batch = nil, table.Batch{}
		in.setDeletes(&batch)
		require.Equal(t, table.Batch{}, batch, "%s: a window alone deletes nothing", name)
	}
}

func TestExtractReadsIDsOfAllRowsOnlyWhereARunReconciles(t *testing.T) {
	server := testserver.MariaDB(t)
	database := server.Database(t, "keys")
	server.ExecIn(t, database, `create table t (id int primary key, at datetime not null); insert into t values (1, '2020-01-01'), (2, '2020-01-02');
		create view v as select * from t`)
	later := time.Now().UTC().Add(3 * time.Hour)
	closed := later.Format("15:04") + "-" + later.Add(time.Hour).Format("15:04")
	for name, c := range map[string]struct {
		table     string
		reconcile bool
		from      string
		full      bool
		hours     string
		keys      int64
		unchanged bool
		noted     string
	}{
		"nothing new":                 {table: "t", reconcile: true, keys: 2},
		"nothing new, nothing wanted": {table: "t", unchanged: true},
		"a backfill":                  {table: "t", reconcile: true, from: "2019-01-01 00:00:00.000000"},
		"a full reload":               {table: "t", reconcile: true, full: true},
		"outside the hours":           {table: "v", reconcile: true, hours: closed, unchanged: true, noted: "deletes were not looked for"}, // a view counts as large
	} {
		t.Run(name, func(t *testing.T) {
			scratch, err := OpenScratch(t.TempDir())
			require.NoError(t, err)
			a := &Activities{Scratch: scratch, Sources: &Sources{Resolve: func(context.Context, string) (string, error) { return server.Password, nil }}}
			t.Cleanup(func() { require.NoError(t, a.Sources.Close()) })
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(a)
			in := ExtractInput{Job: Job{
				RunID:  "run",
				Client: table.Client{ID: "acme", Region: "eu", Host: server.Host, Port: server.Port, Database: database, User: server.User, Password: "env:P", Limits: table.Limits{Hours: c.hours}},
				Spec:   table.Spec{Name: c.table, IDs: []string{"id"}, Cursor: "at", Deletes: table.Deletes{Reconcile: c.reconcile}},
			}, Watermark: "2026-01-01 00:00:00.000000", From: c.from}
			if c.full {
				in.Spec.Cursor = ""
			}
			value, err := env.ExecuteActivity(a.Extract, in)
			require.NoError(t, err)
			var got ExtractResult
			require.NoError(t, value.Get(&got))
			require.Equal(t, c.keys, got.Raw.KeyRows)
			require.Equal(t, c.keys > 0, len(got.Raw.Keys) > 0)
			require.Equal(t, c.unchanged, got.Unchanged)
			require.Equal(t, c.noted != "", len(got.Raw.Notes) > 0)
			if c.noted != "" {
				require.Contains(t, got.Raw.Notes[0], c.noted)
			}
		})
	}
}

// A replica that is behind the server of the rows, at the same address, lacks ids of rows that are there.
func TestExtractErrIDsOfAnotherServer(t *testing.T) {
	server := testserver.MariaDB(t, testserver.Private())
	database := server.Database(t, "keys")
	server.ExecIn(t, database, `create table t (id int primary key, at datetime not null); insert into t values (1, '2020-01-01');
		create function fail_over() returns int begin set global server_id = 4711; return 1; end`)
	scratch, err := OpenScratch(t.TempDir())
	require.NoError(t, err)
	a := &Activities{Scratch: scratch, Sources: &Sources{Resolve: func(context.Context, string) (string, error) { return server.Password, nil }}}
	t.Cleanup(func() { require.NoError(t, a.Sources.Close()) })
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(a)
	_, err = env.ExecuteActivity(a.Extract, ExtractInput{Job: Job{
		RunID:  "run",
		Client: table.Client{ID: "acme", Region: "eu", Host: server.Host, Port: server.Port, Database: database, User: server.User, Password: "env:P"},
		Spec:   table.Spec{Name: "t", IDs: []string{"id"}, Cursor: "at", Where: "fail_over() = 1", Deletes: table.Deletes{Reconcile: true}},
	}, Watermark: "2019-01-01 00:00:00.000000"})
	require.ErrorContains(t, err, "leads to several servers")
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable())
}
