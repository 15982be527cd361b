package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/local"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// tableStack is a configuration of three clients on one server, whose tables differ a little, and its local lake.
type tableStack struct {
	dir    string
	server *testserver.Server
	of     map[string]string // databases by client
}

const tableSync = `
target: {schema: central}
tables:
  - {name: orders, cursor: updated_at}
  - {name: kunden, target: customers, layout: {partition_by: [region]}}
`

func newTableStack(t *testing.T) *tableStack {
	t.Helper()
	s := &tableStack{server: testserver.MariaDB(t), of: map[string]string{}}
	clients := "clients:\n"
	for i, id := range []string{"acme", "bolt", "cactus"} {
		s.of[id] = s.server.Database(t, id)
		clients += fmt.Sprintf("  - {id: %s, region: %s, host: %q, port: %d, database: %s, user: %s, password: env:TEST_SOURCE_PASSWORD}\n",
			id, []string{"eu", "eu", "us"}[i], s.server.Host, s.server.Port, s.of[id], s.server.User)
		s.server.ExecIn(t, s.of[id],
			"CREATE TABLE orders (id INT PRIMARY KEY, amount INT COMMENT 'in cents', updated_at DATETIME(6)) COMMENT 'The orders'",
			"CREATE TABLE kunden (id BIGINT PRIMARY KEY, name VARCHAR(50))")
	}
	t.Setenv("TEST_SOURCE_PASSWORD", s.server.Password)
	s.dir = configDir(t, map[string]string{"daily.yaml": tableSync, "clients.yaml": clients})
	return s
}

// ok runs a command that must end with 0.
func (s *tableStack) ok(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errOut := tributary(t, s.dir, args...)
	require.Equal(t, codeOK, code, "%s%s", out, errOut)
	return out
}

func (s *tableStack) lake(t *testing.T) *local.Lake {
	t.Helper()
	l, err := local.Open(t.Context(), local.Options{Dir: filepath.Join(s.dir, "lake")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func TestTablesAreCreatedAsAllClientsNeedThem(t *testing.T) {
	s := newTableStack(t)
	s.server.ExecIn(t, s.of["bolt"], "ALTER TABLE orders MODIFY amount BIGINT, ADD note TEXT COMMENT 'free text'")
	golden(t, "table_create_dry_run", s.ok(t, "table", "create", "--dry-run"))
	code, _, errOut := tributary(t, s.dir, "table", "list")
	require.Equal(t, codeError, code, "a dry run makes no lake")
	require.Contains(t, errOut, "there is no lake yet")

	golden(t, "table_create", s.ok(t, "table", "create"))
	golden(t, "table_create_again", s.ok(t, "table", "create"))
	var orders lake.Table
	require.NoError(t, json.Unmarshal([]byte(s.ok(t, "table", "describe", "orders", "-o", "json")), &orders))
	require.Equal(t, "The orders", orders.Comment)
	require.Equal(t, table.Schema{
		{Name: "id", Type: table.Integer, Nullable: true},
		{Name: "amount", Type: table.Long, Nullable: true, Comment: "in cents"},
		{Name: "updated_at", Type: table.Timestamp, Nullable: true},
	}, orders.Columns[:3])
	require.Equal(t, "free text", orders.Columns[orders.Columns.Find("note")].Comment)
	golden(t, "table_describe", s.ok(t, "table", "describe", "central.orders"))
	require.Equal(t, []string{"region"}, s.describe(t, "customers").PartitionBy)

	s.server.ExecIn(t, s.of["cactus"], "ALTER TABLE kunden ADD vip BOOLEAN")
	golden(t, "table_create_updated", s.ok(t, "table", "create"))
}

func (s *tableStack) describe(t *testing.T, name string) lake.Table {
	t.Helper()
	var described lake.Table
	require.NoError(t, json.Unmarshal([]byte(s.ok(t, "table", "describe", name, "-o", "json")), &described))
	return described
}

func TestDiffSaysWhatTheNextRunMakesOfEachDifference(t *testing.T) {
	s := newTableStack(t)
	s.server.ExecIn(t, s.of["acme"], "ALTER TABLE orders ADD note TEXT")
	golden(t, "table_diff_missing", s.ok(t, "table", "diff"))
	s.ok(t, "table", "create")
	golden(t, "table_diff_only_some", s.ok(t, "table", "diff"))
	s.server.ExecIn(t, s.of["bolt"], "ALTER TABLE orders ADD note TEXT")
	s.server.ExecIn(t, s.of["cactus"], "ALTER TABLE orders ADD note TEXT")
	golden(t, "table_diff_equal", s.ok(t, "table", "diff"))

	for client, database := range s.of {
		s.server.ExecIn(t, database, "ALTER TABLE orders DROP note, ADD channel VARCHAR(9), MODIFY amount INT COMMENT 'in euros'")
		if client != "acme" {
			s.server.ExecIn(t, database, "ALTER TABLE kunden MODIFY id INT")
		}
	}
	require.NotContains(t, s.ok(t, "table", "diff"), "customers  id", "what the lake holds is no difference")
	s.server.ExecIn(t, s.of["acme"], "ALTER TABLE orders MODIFY amount BIGINT COMMENT 'in euros'")
	s.server.ExecIn(t, s.of["bolt"], "ALTER TABLE orders MODIFY amount VARCHAR(20) COMMENT 'in euros'")
	writeFile(t, s.dir, "daily.yaml", tableSync+"  - {name: orders, target: orders_copy}\n"+
		"    # unlike daily\n")
	writeFile(t, s.dir, "weekly.yaml", "target: {schema: central}\ntables:\n  - {name: kunden, target: customers, drift: fail}\n")
	s.server.ExecIn(t, s.of["acme"], "ALTER TABLE kunden ADD vip BOOLEAN")
	for name, args := range map[string][]string{"table_diff": {"table", "diff"}, "table_diff_json": {"table", "diff", "-o", "json"}} {
		code, out, errOut := tributary(t, s.dir, args...)
		require.Equal(t, codeError, code, errOut)
		require.Empty(t, errOut)
		golden(t, name, out)
	}
	t.Run("and check says the same of what would fail", func(t *testing.T) {
		_, out, _ := tributary(t, s.dir, "check", "daily", "-o", "json")
		require.Contains(t, out, `column \"amount\" is string at the source and integer in the central table central.orders`)
	})
	t.Run("ErrUnreadSource", func(t *testing.T) {
		for _, database := range s.of {
			s.server.ExecIn(t, database, "DROP TABLE orders")
		}
		code, out, errOut := tributary(t, s.dir, "table", "diff", "daily")
		require.Equal(t, codeError, code)
		require.Contains(t, errOut, `client "bolt", table "orders"`)
		require.Regexp(t, `central +orders +0 +unread +0\n`, out)
		require.Contains(t, out, "\n1 table compared, 1 difference,", "the others are compared")
	})
}

var dates = regexp.MustCompile(`\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}`)

func TestTablesAreListedWithTheirHistory(t *testing.T) {
	s := newTableStack(t)
	s.ok(t, "table", "create")
	s.server.ExecIn(t, s.of["acme"], "ALTER TABLE kunden ADD vip BOOLEAN")
	s.ok(t, "table", "create")
	l := s.lake(t)
	ended := time.Now().Add(-3 * time.Hour)
	for _, client := range []string{"acme", "bolt"} {
		require.NoError(t, l.Log(t.Context(), []table.Run{{
			Ref:   table.Ref{Sync: "daily", Client: client, Region: "eu", Schema: "central", Table: "orders"},
			RunID: client, Status: table.StatusOK, Started: ended.Add(-time.Minute), Finished: ended,
		}}))
		ended = ended.Add(-time.Hour)
	}
	require.Equal(t, s.ok(t, "table", "list"), s.ok(t, "table", "list", "central"))
	var listed []listedTable
	require.NoError(t, json.Unmarshal([]byte(s.ok(t, "table", "list", "-o", "json")), &listed))
	require.Len(t, listed, 4)
	require.Equal(t, "customers", listed[0].Table)
	require.Zero(t, listed[0].LastSync)
	require.WithinDuration(t, ended.Add(2*time.Hour), listed[1].LastSync, time.Second, "the newest of its client tables")

	golden(t, "history", dates.ReplaceAllString(s.ok(t, "history", "central.customers"), "(a date and a time)"))
	var commits []lake.Commit
	require.NoError(t, json.Unmarshal([]byte(s.ok(t, "history", "customers", "--limit", "1", "-o", "json")), &commits))
	require.Len(t, commits, 1)
	require.Equal(t, "ADD COLUMNS", commits[0].Operation)

	for name, args := range map[string][]string{"describe": {"table", "describe", "order"}, "history": {"history", "order"}} {
		code, _, errOut := tributary(t, s.dir, args...)
		require.Equal(t, codeError, code, name)
		require.Contains(t, errOut, `did you mean "orders"?`)
	}
	_, out, errOut := tributary(t, s.dir, "table", "list", "nowhere")
	require.NotContains(t, out, "orders")
	require.Contains(t, errOut, "schema nowhere has no tables")
}

func TestPropertiesAreOfNewTables(t *testing.T) {
	s := newTableStack(t)
	rewrite(t, s.dir, "daily.yaml", "{name: orders, ", "{name: orders, properties: {team: sales}, ")
	s.ok(t, "table", "create")
	require.Equal(t, "sales", s.describe(t, "orders").Properties["team"])
	require.Regexp(t, `orders +3 +equal +0`, s.ok(t, "table", "diff"))

	rewrite(t, s.dir, "daily.yaml", "team: sales", "team: data")
	require.Regexp(t, `orders +unchanged`, s.ok(t, "table", "create"))
	require.Equal(t, "sales", s.describe(t, "orders").Properties["team"])
	require.Regexp(t, `orders +team \(property\) +sales +data +all +keeps the lake's`, s.ok(t, "table", "diff"))
}
