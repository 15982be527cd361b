package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/internal/verify"
	"tributary/workflows"
)

// verifiedSync has each way in which rows reach the lake: as they are, by rules and transforms, with hashed ids, and whole; with keys of
// numbers, texts, and several columns.
const verifiedSync = syncHead + ordersSpec + `  - name: customers
    cursor: updated_at
    overlap: 1s
    rename: {kunde: name}
    fill: {source_system: "shop ${client.id}"}
    transform:
      - {column: email, hash: sha256, salt: "file:{{.Dir}}/salt.secret"}
  - name: events
    cursor: id
    overlap: 5
  - name: people
    cursor: updated_at
    overlap: 1s
    transform:
      - {column: email, hash: sha256, salt: "file:{{.Dir}}/salt.secret"}
` + stockSpec

const people = `create table people (email varchar(100) not null primary key, name varchar(100) null, updated_at datetime(6) null) default charset=utf8mb4;
insert into people select concat('p', seq, '@example'), concat('Person ', seq), if(seq % 10 = 0, null, '2026-01-02 03:04:05.123456') from seq_1_to_200;`

// verify runs a verification of everything and returns the summary, and the report of each client table by its name.
func (s *stack) verify(t *testing.T, repair bool) (table.Summary, map[string]verify.Report) {
	t.Helper()
	in := workflows.SyncInput{Mode: workflows.Mode{Verify: &workflows.VerifyMode{Repair: repair}}}
	var err error
	in.Sync, err = s.config(t).Sync("daily")
	require.NoError(t, err)
	run, err := s.temporal.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: workflows.VerifyID("daily"), TaskQueue: workflows.ControlQueue, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, workflows.Verify, in)
	require.NoError(t, err)
	var summary table.Summary
	if err = run.Get(t.Context(), &summary); err != nil {
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, workflows.ErrorVerifyFailed, failed.Type(), err)
		require.NoError(t, failed.Details(&summary))
	}
	reports := map[string]verify.Report{}
	for _, c := range s.clients {
		for _, spec := range in.Sync.Tables {
			ref := table.Ref{Client: c.ID, Table: spec.Target}
			answer := s.queryWorkflow(t, workflows.VerifyTableID("verify/daily/"+c.Region+"/"+c.ID, ref, repair), workflows.QueryReport)
			var report verify.Report
			require.NoError(t, answer.Get(&report))
			require.Equal(t, run.GetRunID(), report.Run, "%+v", summary.Problems)
			reports[c.ID+"/"+spec.Target] = report
		}
	}
	return summary, reports
}

// queryWorkflow asks a workflow until a worker has answered: a query waits for one for seconds only.
func (s *stack) queryWorkflow(t *testing.T, id, query string) (answer converter.EncodedValue) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		answer, err := s.temporal.Client.QueryWorkflow(t.Context(), id, "", query)
		if err == nil {
			return answer
		}
		require.Less(t, time.Now(), deadline, "%s of %s: %v", query, id, err)
	}
}

// differences writes what a report found as one line per row.
func differences(r verify.Report) []string {
	var lines []string
	for _, d := range r.Differences.Keys {
		lines = append(lines, strings.TrimSpace(strings.Join(d.Key, ",")+" "+d.Kind+" "+strings.Join(d.Columns, ",")))
	}
	return lines
}

func TestVerifyFindsEveryDifferenceAndRepairsIt(t *testing.T) {
	t.Parallel()
	s := newStackOn(t, localLake(t), regions[:1], verifiedSync)
	for _, c := range s.clients {
		c.server.ExecIn(t, c.Database, people)
	}
	s.startWorker(t)

	summary, reports := s.verify(t, false)
	require.Equal(t, 10, summary.Failed)
	require.Equal(t, verify.StatusNever, reports["acme/orders"].Status)

	s.ageRows(t) // so that none is within the overlap
	s.sync(t)
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, "update orders set deleted_at = now() where id = 30")
	s.sync(t)
	summary, reports = s.verify(t, false)
	require.Equal(t, [3]int{10, 0, 0}, [3]int{summary.OK, summary.Failed, summary.Skipped}, "%+v", summary.Problems)
	for name, r := range reports {
		require.Equal(t, verify.StatusEqual, r.Status, name)
		require.Equal(t, r.Source, r.Lake, name)
		require.Zero(t, r.Differences.Count(), name)
		require.NotZero(t, r.Source.Rows, name)
	}
	orders := reports["acme/orders"]
	require.Equal(t, [3]int64{1997, 1, 2}, [3]int64{orders.Source.Rows, orders.SoftDeleted + orders.InFlight, orders.Quarantined})

	s.sabotage(t)
	want := map[string][]string{
		"acme/orders":    {"40 only_source", "41 only_source", "999999 only_lake", "42 different status,note", "43 different note"},
		"acme/customers": {"5 only_source", "6 different email"},
		"acme/stock":     {"sku7,acme only_lake", "sku8,acme different quantity"},
		"acme/events":    {"17 only_lake"},
	}
	_, reports = s.verify(t, false)
	for name, r := range reports {
		require.Equal(t, want[name], differences(r), name)
	}
	requireVerifyPrints(t, newCommandLine(t, s))

	summary, reports = s.verify(t, true)
	require.Equal(t, [2]int{10, 0}, [2]int{summary.OK, summary.Failed}, "%+v", summary.Problems)
	require.Equal(t, [2]int64{7, 3}, [2]int64{summary.Updated, summary.Deleted}, "only what differed was brought again")
	for name, r := range reports {
		if want[name] == nil {
			require.Equal(t, verify.StatusEqual, r.Status, name)
			continue
		}
		require.Equal(t, verify.StatusRepaired, r.Status, name)
		require.Equal(t, r.Repair.Source, r.Repair.Lake, name)
	}
	summary, _ = s.verify(t, false)
	require.Equal(t, 10, summary.OK)
	require.Equal(t, []string{"acme|customers|2|0", "acme|events|0|1", "acme|orders|4|1", "acme|stock|1|1"},
		s.query(t, s.lake(t), "select client_id, table_name, rows_inserted + rows_updated, rows_deleted from sync_runs where backfill order by 1, 2"), "repairs are logged")
	require.Empty(t, s.staged(t))

	require.NoError(t, os.RemoveAll(filepath.Join(s.dir, "lake", "central", "people"))) // while the sync log has its watermark
	code, out, errOut := newCommandLine(t, s).run(t, "verify", "daily", "--client", "acme", "--table", "people")
	require.Equal(t, 5, code, out+errOut)
	require.Contains(t, out, "bring all rows again with: tributary run daily --client acme --table people --full")
}

// requireVerifyPrints looks at what the command line says of acme's orders after the sabotage.
func requireVerifyPrints(t *testing.T, c commandLine) {
	t.Helper()
	code, out, errOut := c.run(t, "verify", "daily", "--client", "acme", "--table", "orders")
	require.Equal(t, 2, code, errOut)
	for _, line := range []string{
		"verify/daily/only/client=acme,table=orders: different", "acme/orders: 2 only at the source, 1 only in the lake, 2 with other values, 0 doubled",
		"\n999999  only lake    -", "\n42      different    status, note",
	} {
		require.Contains(t, out, line)
	}
	code, out, errOut = c.run(t, "verify", "daily", "--client", "acme", "--table", "orders", "--json")
	require.Equal(t, 2, code, errOut)
	var found struct {
		Status string
		Tables []verify.Report
	}
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	require.Equal(t, verify.StatusDifferent, found.Status)
	require.Len(t, found.Tables, 1)
	r := found.Tables[0]
	require.Equal(t, int64(5), r.Differences.Count())
	require.NotEqual(t, r.Source.Checksum, r.Lake.Checksum)
	require.NotEmpty(t, r.Watermark)
	require.NotEmpty(t, r.Settled)
	require.Positive(t, r.Version)
	require.False(t, r.LastSync.IsZero() || r.Started.IsZero() || r.Finished.IsZero())
	code, out, errOut = c.run(t, "verify", "daily", "--client", "dune")
	require.Zero(t, code, out+errOut)
	require.Contains(t, out, "verify/daily/only/client=dune: equal")
}

// sabotage changes acme's rows on one side, with other programs than ours.
func (s *stack) sabotage(t *testing.T) {
	t.Helper()
	script := `
import sys, deltalake, pyarrow
def table(name): return deltalake.DeltaTable(sys.argv[1] + "/" + name)
mine = "client_id = 'acme' AND "
orders = table("orders")
foreign = orders.to_pyarrow_table(filters=[("client_id", "=", "acme")]).slice(0, 1)
orders.delete(mine + "id IN (40, 41)")
orders.update(predicate=mine + "id = 42", updates={"status": "'?'", "note": "NULL"})
foreign = foreign.set_column(foreign.schema.get_field_index("id"), foreign.schema.field("id"), pyarrow.array([999999], pyarrow.decimal128(20, 0)))
deltalake.write_deltalake(orders, foreign, mode="append")
customers = table("customers")
customers.delete(mine + "id = 5")
customers.update(predicate=mine + "id = 6", updates={"email": "'leaked@example'"})
`
	cmd := testserver.PythonCommand(t, script, filepath.Join(s.dir, "lake", s.central.schema))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, `
update orders set note = 'nobody saw it', updated_at = updated_at where id = 43;
delete from events where id = 17;
delete from stock where sku = 'sku7';
update stock set quantity = quantity + 1 where sku = 'sku8';`)
}

func TestVerifyLeavesOutWhatIsInFlight(t *testing.T) {
	t.Parallel()
	s := newStackOn(t, localLake(t), regions[:1], verifiedSync)
	for _, c := range s.clients {
		c.server.ExecIn(t, c.Database, people)
	}
	s.startWorker(t)
	s.sync(t)
	done, stop := make(chan struct{}), make(chan struct{})
	acme := s.clients[0]
	db := acme.server.Open(t, acme.Database)
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			for _, statement := range []string{
				"update orders set note = 'flight %d' where id %% 7 = 3",
				"insert into orders (customer_id, status, amount) values (%d, 'new', 1)",
				"update customers set kunde = 'flight %d' where id %% 5 = 2",
				"insert into events (kind, at) values ('flight %d', now(3))",
				"update orders set deleted_at = now(), note = '%d' where id = 100 + (%[1]d %% 100)",
			} {
				if _, err := db.ExecContext(t.Context(), fmt.Sprintf(statement, n)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	flown := int64(0)
	for range 3 {
		_, reports := s.verify(t, false)
		for name, r := range reports {
			require.Equal(t, verify.StatusEqual, r.Status, "%s %v", name, differences(r))
			flown += r.InFlight
		}
		s.sync(t)
	}
	close(stop)
	<-done
	require.Positive(t, flown)
}
