package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
)

// specFault is something wrong with a table spec, or with its central table. Each has a central table of its own, of
// the same source table.
type specFault struct {
	target string
	spec   string                         // added to a good spec
	lake   func(t *testing.T, log string) // spoils the table's log instead
	says   []string
}

var specFaults = []specFault{
	{target: "where_syntax", spec: `where: "status <>"`, says: []string{`where "status <>"`, "syntax", "check the table's where"}},
	{target: "where_column", spec: `where: "stat = 1"`, says: []string{`where "stat = 1"`, "'stat'"}},
	{target: "rule_syntax", spec: `expect: [{name: positive, that: "amount >", otherwise: warn}]`, says: []string{`rule "positive"`, "syntax error"}},
	{target: "rule_column", spec: `expect: [{name: positive, that: "amuont > 0", otherwise: warn}]`,
		says: []string{`rule "positive"`, `there is no column "amuont"`, "did you mean amount?"}},
	{target: "rule_broken", spec: `expect: [{name: positive, that: "amount >= 0", otherwise: fail}]`, says: []string{`"positive", by 2 of `, "id = 7"}},
	{target: "transform_syntax", spec: `transform: [{column: note, sql: "trim("}]`, says: []string{"transform 1", `"note"`, "syntax error"}},
	{target: "transform_column", spec: `transform: [{column: note, sql: "trim(nota)"}]`, says: []string{"transform 1", `there is no column "nota"`, "did you mean note?"}},
	{target: "transform_target", spec: `transform: [{column: nota, sql: "'x'"}]`, says: []string{"transform 1", `there is no column "nota"`}},
	{target: "transform_value", spec: `transform: [{column: note, sql: "cast(note as integer)"}]`, says: []string{`"note"`, "fails on a value of some row", "try_cast"}},
	{target: "rename_collides", spec: `rename: {note: Status}`, says: []string{"columns collide", `"status"`, `"Status"`, "rename or exclude"}},
	{target: "fill_collides", spec: `fill: {Status: x}`, says: []string{"columns collide", `"status"`, `"Status"`}},
	{target: "rename_missing", spec: `rename: {nota: x}`, says: []string{`"nota" (rename)`, `did you mean "note"?`}},
	{target: "salt_missing", spec: `transform: [{column: note, hash: sha256, salt: "file:/nowhere/salt"}]`, says: []string{"/nowhere/salt"}},
	{target: "log_truncated", lake: truncate("00000000000000000000.json"), says: []string{"table is damaged", "log_truncated", "00000000000000000000.json"}},
	{target: "log_rubbish", lake: rubbish("00000000000000000000.json"), says: []string{"table is damaged", "log_rubbish", "00000000000000000000.json"}},
}

func truncate(name string) func(*testing.T, string) {
	return func(t *testing.T, log string) {
		t.Helper()
		require.NoError(t, os.Truncate(filepath.Join(log, name), 200))
	}
}

func rubbish(name string) func(*testing.T, string) {
	return func(t *testing.T, log string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(log, name), []byte("\x00\x00\x00\x00 not JSON"), 0o600))
	}
}

// specSync is a sync with a table per fault, good or with the faults.
func specSync(broken bool) string {
	var b strings.Builder
	b.WriteString("target: {schema: central}\nparallel: {clients: 4, tables_per_client: 4}\n" +
		"retry: {attempts: 3, initial: 100ms, max: 200ms}\ntables:\n  - {name: orders, target: healthy, cursor: updated_at, overlap: 1s}\n")
	for _, f := range specFaults {
		fmt.Fprintf(&b, "  - name: orders\n    target: %s\n    cursor: updated_at\n    overlap: 1s\n", f.target)
		if broken && f.spec != "" {
			fmt.Fprintf(&b, "    %s\n", f.spec)
		}
	}
	return b.String()
}

func (s *stack) requireOrders(t *testing.T, l lake.Lake, c tenant, target string) {
	t.Helper()
	require.Equal(t, c.rows(t, "select id, status, amount, note from orders order by id"),
		s.query(t, l, fmt.Sprintf("select id, status, amount, note from %s where client_id = '%s' order by id", target, c.ID)), target)
}

func TestFaultsOfSpecsAndLogsFailOnlyTheirTables(t *testing.T) {
	t.Parallel()
	s := newFaultStack(t, specSync(false), "acme")
	acme := s.clients[0]
	_, stop := s.work(t)
	l := s.lake(t)
	s.sync(t)
	stop()

	acme.server.ExecIn(t, acme.Database, "update orders set note = concat(note, '!'), status = 'paid' where id % 3 = 0 or id in (7, 8)")
	before, spoilt := map[string]state{}, map[string][]byte{}
	for _, f := range specFaults {
		before[f.target] = s.state(t, l, "acme", f.target)
		if f.lake == nil {
			continue
		}
		log := filepath.Join(s.dir, "lake", "central", f.target, "_delta_log")
		file := filepath.Join(log, "00000000000000000000.json")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		spoilt[file] = text
		f.lake(t, log)
	}
	s.configure(t, specSync(true))
	_, stop = s.work(t)
	err := s.wait(t, s.start(t))
	require.ErrorContains(t, err, fmt.Sprintf("sync daily: %d of %d client tables failed: eu/acme: ", len(specFaults), len(specFaults)+1))
	s.requireOrders(t, l, acme, "healthy")
	for _, f := range specFaults {
		s.requireFailure(t, l, "acme", f.target, 1, f.says...)
	}
	s.requireNothingLeft(t)
	stop()
	for file, text := range spoilt {
		require.NoError(t, os.WriteFile(file, text, 0o600))
	}
	for _, f := range specFaults {
		require.Equal(t, before[f.target], s.state(t, l, "acme", f.target), "%s is as it was", f.target)
	}

	s.configure(t, specSync(false))
	s.work(t)
	s.sync(t)
	for _, f := range specFaults {
		s.requireOrders(t, l, acme, f.target)
	}
}

// newest is the last commit of a table's log.
func (s *stack) newest(t *testing.T, name string) string {
	t.Helper()
	commits, err := filepath.Glob(filepath.Join(s.dir, "lake", "central", name, "_delta_log", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, commits)
	return commits[len(commits)-1]
}

func TestADamagedSyncLogStopsTheSyncUntilItIsMended(t *testing.T) {
	t.Parallel()
	s := newFaultStack(t, faultSync, "acme")
	acme := s.clients[0]
	_, stop := s.work(t)
	l := s.lake(t)
	s.sync(t)
	stop()
	for name, says := range map[string][]string{
		lake.SyncLog:  {"1 of 1 client tables failed: eu/acme: ", "table is damaged", "sync_log/_delta_log"},  // where runs begin
		lake.SyncRuns: {"3 of 3 client tables failed: eu/acme: ", "table is damaged", "sync_runs/_delta_log"}, // where they end
	} {
		t.Run(name, func(t *testing.T) {
			acme.server.ExecIn(t, acme.Database, "update orders set note = concat('again ', now(6)); update customers set kunde = now(6); insert into events (kind, at) values ('x', now())")
			before := s.query(t, l, "select * from sync_log order by all")
			newest := s.newest(t, name)
			good, err := os.ReadFile(newest)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(newest, int64(len(good)/2)))
			_, stop := s.work(t)
			err = s.wait(t, s.start(t))
			for _, text := range says {
				require.ErrorContains(t, err, text)
			}
			s.requireNothingLeft(t)
			stop()
			require.NoError(t, os.WriteFile(newest, good, 0o600))
			require.Equal(t, before, s.query(t, l, "select * from sync_log order by all"), "no watermark moved")

			_, stop = s.work(t)
			s.sync(t)
			for _, table := range faultTables {
				s.requireClientTable(t, l, acme, table)
			}
			stop()
		})
	}
}
