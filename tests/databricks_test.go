package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

const manySync = `
target: {{.Target}}
parallel: {clients: 10}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m}
tables:
  - name: stock
`

func TestManyClientsShareStatementsOfASQLLake(t *testing.T) {
	t.Parallel()
	const clients = 10
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: databricksLake(t)}
	server := testserver.MariaDB(t)
	for i := range clients {
		id := fmt.Sprintf("client%d", i)
		c := tenant{ID: id, Region: "eu", Database: server.Database(t, id), server: server}
		server.ExecIn(t, c.Database, fmt.Sprintf(`create table stock (sku int not null primary key, quantity int not null);
			insert into stock select seq, seq from seq_1_to_%d`, 20+i))
		s.clients = append(s.clients, c)
	}
	s.configure(t, manySync)
	s.startWorker(t)
	l := s.lake(t)
	s.sync(t)
	for i, c := range s.clients {
		server.ExecIn(t, c.Database, fmt.Sprintf("update stock set quantity = -1 where sku <= %d; delete from stock where sku > %d; insert into stock values (1000, 1), (1001, 1)", i+1, 20-i))
	}
	s.sync(t)

	for _, name := range []string{"stock", "sync_runs", "sync_log"} {
		merges := 0
		for _, statement := range s.central.workspace.Statements() {
			if strings.HasPrefix(statement, "MERGE INTO") && strings.Contains(strings.SplitN(statement, "\n", 2)[0], "`"+name+"`") {
				merges++
			}
		}
		require.Less(t, merges, 2*clients, "%s: several clients share a statement", name)
	}
	var counts []string
	for i, c := range s.clients {
		counts = append(counts, fmt.Sprintf("%s|%d|%d|0|0|ok", c.ID, 20+i, 20+i), fmt.Sprintf("%s|%d|2|%d|%d|ok", c.ID, 22-i, i+1, 2*i))
		require.Equal(t, c.rows(t, "select sku, quantity from stock order by sku"),
			s.query(t, l, fmt.Sprintf("select sku, quantity from stock where client_id = '%s' order by sku", c.ID)), c.ID)
	}
	require.Equal(t, counts, s.query(t, l, "select client_id, rows_read, rows_inserted, rows_updated, rows_deleted, status from sync_runs order by client_id, started_at"),
		"each run is told its own share")
}

const afterSync = shortSync + `
after:
  - name: gold
    sql: ["create or replace table gold using delta as select region, client_id, count(*) as n, sum(amount) as total from orders group by region, client_id"]
    needs: [orders]
  - {name: report, job: 7, parameters: {of: "${sync}", schema: "${schema}"}, after: [gold]}
  - {name: stocktake, sql: ["create or replace table stocktake using delta as select client_id, sum(quantity) as quantity from stock group by client_id"], needs: [stock]}
maintain: {retention: 200h}
`

func TestADatabricksLakeIsRunAndLookedAtFromTheCommandLine(t *testing.T) {
	t.Parallel()
	s := newStackOn(t, databricksLake(t), regions[:1], afterSync)
	w := s.central.workspace
	w.AddJob(workspace.Job{ID: 7})
	s.startWorker(t)
	c, l := newCommandLine(t, s), s.lake(t)

	require.Contains(t, c.ok(t, "check"), "no faults")
	require.Contains(t, c.ok(t, "run", "daily"), "gold")
	s.requireEqual(t, l)
	require.Equal(t, []map[string]string{{"of": "daily", "schema": s.central.schema}}, w.Runs(7))
	gold := s.query(t, l, "select n from gold order by client_id")
	require.Equal(t, []string{"1998", "1998"}, gold)
	require.Equal(t, []string{"1275", "1275"}, s.query(t, l, "select quantity from stocktake order by client_id"))

	s.requireTablesAreShown(t, c)
	t.Run("verify", func(t *testing.T) {
		executor, ok := lake.As[lake.Executor](l)
		require.True(t, ok)
		require.NoError(t, executor.Exec(t.Context(), s.central.schema, "UPDATE orders SET amount = 0.01, updated_at = timestamp'2020-01-01 00:00:00' WHERE client_id = 'acme' AND id = 40"))
		what := []string{"verify", "daily", "--client", "acme", "--table", "orders", "--repair"}
		require.Contains(t, c.ok(t, what...), "1 rows brought again, 0 deleted")
		require.NotContains(t, c.ok(t, what...), "repaired", "a second time")
		s.requireEqual(t, l)
	})
	t.Run("what needs a table that failed is skipped", func(t *testing.T) {
		dune := s.clientNamed("dune")
		dune.server.ExecIn(t, dune.Database, "rename table orders to orders_away; update stock set quantity = quantity + 1 where sku = 'sku1'")
		code, out, errOut := c.run(t, "run", "daily")
		require.Equal(t, 2, code, errOut)
		require.Regexp(t, `gold +skipped`, out)
		require.Regexp(t, `report +skipped`, out)
		require.Regexp(t, `stocktake +ok`, out)
		require.Len(t, w.Runs(7), 1, "the job did not run again")
		require.Equal(t, gold, s.query(t, l, "select n from gold order by client_id"))
		require.Equal(t, []string{"1275", "1276"}, s.query(t, l, "select quantity from stocktake order by client_id"))
		dune.server.ExecIn(t, dune.Database, "rename table orders_away to orders")
	})
	t.Run("maintain", func(t *testing.T) {
		var results []struct {
			Status string
			Tables []struct{ Table, Status string }
		}
		require.NoError(t, json.Unmarshal([]byte(c.ok(t, "maintain", "daily", "-o", "json")), &results))
		require.Len(t, results, 1)
		require.Equal(t, "ok", results[0].Status)
		for _, table := range results[0].Tables {
			require.Equal(t, "ok", table.Status, table.Table)
			quoted := "`" + strings.Replace(s.central.schema, ".", "`.`", 1) + "`.`" + table.Table + "`"
			require.Condition(t, func() bool { return stated(w, "OPTIMIZE "+quoted) && stated(w, "VACUUM "+quoted) }, table.Table)
		}
		s.requireEqual(t, l)
	})
	s.requireFaultsAreNamed(t, c)
}

func stated(w *workspace.Workspace, beginning string) bool {
	for _, statement := range w.Statements() {
		if strings.HasPrefix(statement, beginning) {
			return true
		}
	}
	return false
}

func (s *stack) requireTablesAreShown(t *testing.T, c commandLine) {
	t.Helper()
	t.Run("tables", func(t *testing.T) {
		require.Contains(t, c.ok(t, "table", "diff"), "no differences")
		require.Regexp(t, `orders +3,996 `, c.ok(t, "table", "list"))
		require.Regexp(t, `rows +3,996\n`, c.ok(t, "table", "describe", "orders"))
		require.Contains(t, c.ok(t, "history", "orders"), "MERGE")
		require.Equal(t, "client_id,n\nacme,1998\ndune,1998\n", c.ok(t, "query", "SELECT client_id, count(*) AS n FROM orders GROUP BY ALL ORDER BY ALL", "-o", "csv"))
	})
}

// requireFaultsAreNamed breaks the lake's settings, and requires that check says what is wrong.
func (s *stack) requireFaultsAreNamed(t *testing.T, c commandLine) {
	t.Helper()
	path := filepath.Join(s.dir, "tributary.yaml")
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	s.write(t, "wrong.secret", "{{.}}", "not the secret")
	for _, fault := range []struct {
		name, old, new string
		says           []string
	}{
		{"Err wrong secret", "databricks.secret", "wrong.secret", []string{"denied", "client_secret"}},
		{"Err missing volume", volume, "/Volumes/main/central/none", []string{"Volume 'main.central.none' does not exist"}},
		{"Err wrong token", fmt.Sprintf(`client_id: %s, client_secret: "file:%s/databricks.secret"`, s.central.workspace.ClientID, s.dir), `token: "file:` + s.dir + `/wrong.secret"`, []string{"denied", "token"}},
		{"Err missing warehouse", workspace.DefaultWarehouse, "none", []string{"SQL warehouse none does not exist", "lake.warehouse"}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			require.Contains(t, string(good), fault.old)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(good), fault.old, fault.new, 1)), 0o600))
			code, out, errOut := c.run(t, "check")
			require.Equal(t, 1, code)
			require.NotContains(t, out+errOut, "not the secret")
			for _, text := range fault.says {
				require.Contains(t, out+errOut, text)
			}
		})
	}
	require.NoError(t, os.WriteFile(path, good, 0o600))
}
