package tests

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/workflows"
)

const driftSync = `
target: {{.Target}}
parallel: {clients: 2, tables_per_client: 4}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
tables:
  - {name: evolved, cursor: v}
  - {name: retyped, cursor: v}
  - {name: keyed, cursor: v}
  - {name: mixed, cursor: v}
  - {name: ignored, cursor: v, drift: ignore}
  - {name: ignored_wide, cursor: v, drift: ignore}
  - {name: strict, cursor: v, drift: fail}
  - {name: strict_new, cursor: v, drift: fail}
  - {name: strict_renamed, cursor: v, drift: fail}
  - {name: strict_wide, cursor: v, drift: fail}
`

// driftTable has a column for each change. Row 1 stays as it is, row 2 is changed later.
const driftTable = `create table TABLE (id int not null primary key, v bigint not null, note varchar(20), gone varchar(20), tiny tinyint, small smallint,
	whole int, ratio float, amount decimal(5,2), count int, wide bigint, exact decimal(12,4), required int not null default 7, optional int null, line int not null default 1);
	insert into TABLE (id, v, note, gone, tiny, small, whole, ratio, amount, count, wide, exact, optional) values
	(1, -1000000, 'n1', 'g1', -128, -32768, -2147483648, 1.5, -999.99, 5, 1, 1.5, 1), (2, 2, 'n2', 'g2', 2, 2, 2, 2.5, 2.22, 2, 2, 2.5, 2);`

// Changes that acme makes. Brio's tables stay as they are, and have a new row at the same time.
const (
	driftKept = `alter table TABLE drop column gone, modify wide int, modify exact decimal(10,2), modify required int null, modify optional int not null,
		modify v bigint not null first, modify amount decimal(5,2) after line;
		update TABLE set v = 3 where id = 2; insert into TABLE (id, v, wide, required, optional) values (3, 4, 3, null, 3);`
	driftRenamed = `alter table TABLE change note remark varchar(20); update TABLE set v = 3 where id = 2;`
	driftAdded   = `alter table TABLE add column added varchar(20) default 'a'; update TABLE set v = 3 where id = 2;`
	driftWide    = `alter table TABLE modify whole bigint; update TABLE set v = 5, whole = 9223372036854775807 where id = 2;`
	driftWidest  = `alter table TABLE modify id bigint not null, modify tiny bigint, modify small int, modify ratio double, modify amount decimal(12,4), modify count decimal(12,2);
		update TABLE set v = 6, tiny = 9223372036854775807, small = 2147483647, ratio = 0.1, amount = 99999999.9999, count = 0.01 where id = 2;
		insert into TABLE (id, v, optional) values (5000000000, 7, 5);`
	driftRetyped  = `alter table TABLE modify whole varchar(20); update TABLE set v = 3 where id = 2;`
	driftKeyed    = `alter table TABLE drop primary key, add primary key (id, line); insert into TABLE (id, line, v, optional) values (1, 2, 3, 1);`
	driftMeantime = `alter table TABLE add column added varchar(40), modify wide int; insert into TABLE (id, v, optional) values (3, 3, 3);`
)

var driftChanges = map[string]string{
	"evolved": driftKept + driftRenamed + driftAdded + driftWide + driftWidest, "retyped": driftRetyped, "keyed": driftKeyed,
	"ignored": driftKept + driftRenamed + driftAdded, "ignored_wide": driftWide,
	"strict": driftKept, "strict_new": driftAdded, "strict_renamed": driftRenamed, "strict_wide": driftWide,
}

// onlyLocal are the tables that Spark does without. Whether a batch fits its table is decided by one function for all lakes (lake.Evolve), and the conformance
// suite has Spark refuse every kind of change under every policy. strict_new fails on Spark as strict_renamed and strict_wide do here: before anything
// is merged.
var onlyLocal = []string{"retyped", "strict_renamed", "strict_wide"}

func (s *stack) hasDriftTable(name string) bool {
	return s.central.spark == nil || !slices.Contains(onlyLocal, name)
}

// ofLake is what is said of the tables that the lake has.
func ofLake[T any](s *stack, byTable map[string]T) map[string]T {
	all := maps.Clone(byTable)
	maps.DeleteFunc(all, func(name string, _ T) bool { return !s.hasDriftTable(name) })
	return all
}

// driftSync is the sync of the tables that the lake has.
func (s *stack) driftSync() string {
	var lines []string
	for line := range strings.Lines(driftSync) {
		if name, ok := strings.CutPrefix(line, "  - {name: "); !ok || s.hasDriftTable(name[:strings.IndexByte(name, ',')]) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestDriftMatrix alters tables between two syncs: each change under each policy, and differently at two clients of one central table at a time.
func TestDriftMatrix(t *testing.T) {
	for _, kind := range []string{"local", "spark"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newDriftStack(t, lakes[kind](t))
			s.startWorker(t)
			l := s.lake(t)
			s.requireProblems(t, s.drift(t), map[string][]string{"mixed": {"its ids", "line", "told apart by", "ids: [", "target"}})
			before := s.driftRows(t, l)
			acme, brio := s.clients[0], s.clients[1]
			for name, change := range ofLake(s, driftChanges) {
				acme.server.ExecIn(t, acme.Database, strings.ReplaceAll(change, "TABLE", name))
			}
			brio.server.ExecIn(t, brio.Database, strings.ReplaceAll(driftMeantime, "TABLE", "evolved"))
			summary := s.drift(t)
			s.requireProblems(t, summary, ofLake(s, driftFaults))
			s.requireNotes(t, summary)
			after := s.driftRows(t, l)
			for name := range ofLake(s, driftFaults) {
				assert.Equal(t, before[name], after[name], "%s failed, and is as it was", name)
			}
			s.requireEvolved(t, l)
			s.requireIgnored(t, l)
			s.requireMended(t, l)
		})
	}
}

// driftFaults are what the errors of acme's tables say; the others are merged.
var driftFaults = map[string][]string{
	"mixed":          {"its ids", "target"},
	"retyped":        {`column "whole" is string at the source and integer in the table`, "convert it with a transform"},
	"keyed":          {"its ids", "are id, line", "told apart by id", "--full"},
	"ignored_wide":   {`column "whole" is long at the source and integer in the table`, "set drift to evolve"},
	"strict_new":     {`new column "added" of type string`, `drift is "fail"`},
	"strict_renamed": {`new column "remark" of type string`, `drift is "fail"`},
	"strict_wide":    {`column "whole" is long at the source and integer in the table`, "set drift to evolve"},
}

func newDriftStack(t *testing.T, central centralLake) *stack {
	t.Helper()
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: central}
	server := testserver.MariaDB(t)
	for _, id := range []string{"acme", "brio"} {
		c := tenant{ID: id, Region: "eu", Database: server.Database(t, id), server: server}
		s.clients = append(s.clients, c)
		server.ExecIn(t, c.Database, strings.ReplaceAll(driftTable, "TABLE", "mixed"))
		for name := range ofLake(s, driftChanges) {
			server.ExecIn(t, c.Database, strings.ReplaceAll(driftTable, "TABLE", name))
		}
	}
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, "alter table mixed drop primary key, add primary key (line, id)")
	s.configure(t, s.driftSync())
	return s
}

// drift runs the sync, of which some tables fail.
func (s *stack) drift(t *testing.T) (summary table.Summary) {
	t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(t, s.wait(t, s.start(t)), &failed)
	require.Equal(t, workflows.ErrorSyncFailed, failed.Type())
	require.NoError(t, failed.Details(&summary))
	return summary
}

// requireProblems requires that those tables failed, of one client each and of no other, and what their errors say.
func (s *stack) requireProblems(t *testing.T, summary table.Summary, want map[string][]string) {
	t.Helper()
	assert.Len(t, summary.Problems, len(want), "%+v", summary.Problems)
	for name, says := range want {
		i := slices.IndexFunc(summary.Problems, func(p table.Problem) bool { return p.Table == name })
		if !assert.GreaterOrEqual(t, i, 0, "%s did not fail", name) {
			continue
		}
		for _, text := range says {
			assert.Contains(t, summary.Problems[i].Error, text, name)
		}
	}
}

// requireNotes requires that the runs said which columns changed, and which may have been renamed.
func (s *stack) requireNotes(t *testing.T, summary table.Summary) {
	t.Helper()
	notes := strings.Join(summary.Notes, "\n")
	assert.Regexp(t, `acme: columns of evolved: .*remark.* added; .*the source has no note, gone \(a rename is taken as drop \+ add`, notes)
	assert.Regexp(t, `acme: columns of evolved: .*small \(short to integer\)`, notes)
	assert.Regexp(t, `acme: columns of ignored: .*remark.* left out \(drift is ignore\); the source has no note, gone`, notes)
	assert.NotContains(t, notes, "columns of strict:", "columns that are dropped, narrower or elsewhere change nothing")
}

func (s *stack) driftRows(t *testing.T, l lake.Lake) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name := range ofLake(s, driftFaults) {
		all[name] = s.query(t, l, "select client_id, id, line, note, whole from "+name+" order by client_id, id, line")
	}
	return all
}

// requireEvolved requires the columns and rows of the table that takes every change.
func (s *stack) requireEvolved(t *testing.T, l lake.Lake) {
	t.Helper()
	described, err := l.Describe(t.Context(), s.central.schema, "evolved")
	require.NoError(t, err)
	types := map[string]table.Type{}
	for _, c := range described.Columns {
		types[c.Name] = c.Type
	}
	assert.Equal(t, map[string]table.Type{
		"id": table.Long, "v": table.Long, "note": table.String, "gone": table.String, "tiny": table.Long, "small": table.Integer, "whole": table.Long,
		"ratio": table.Double, "amount": table.Decimal(12, 4), "count": table.Decimal(12, 2), "wide": table.Long, "exact": table.Decimal(12, 4),
		"required": table.Integer, "optional": table.Integer, "line": table.Integer, "remark": table.String, "added": table.String,
		"client_id": table.String, "region": table.String,
	}, types)
	assert.Equal(t, evolvedRows, s.query(t, l, "select "+strings.Join(evolvedColumns, ", ")+" from evolved order by client_id, id"))
	if s.central.spark == nil { // as another reader has them
		var rows []string
		for _, row := range s.deltaRS(t, "evolved", evolvedColumns[:5], "v") {
			rows = append(rows, strings.Join(row, "|"))
		}
		slices.Sort(rows)
		var want []string
		for _, row := range evolvedRows {
			want = append(want, strings.Join(strings.Split(row, "|")[:5], "|"))
		}
		assert.Equal(t, want, rows)
	}
}

var evolvedColumns = []string{"client_id", "id", "tiny", "whole", "amount", "count", "small", "ratio", "note", "gone", "remark", "added", "wide", "exact", "required", "optional"}

var evolvedRows = []string{
	"acme|1|-128|-2147483648|-999.9900|5.00|-32768|1.5|n1|g1|NULL|NULL|1|1.5000|7|1",
	"acme|2|9223372036854775807|9223372036854775807|99999999.9999|0.01|2147483647|0.1|NULL|NULL|n2|a|2|2.5000|7|2",
	"acme|3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|a|3|NULL|NULL|3",
	"acme|5000000000|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|a|NULL|NULL|NULL|5",
	"brio|1|-128|-2147483648|-999.9900|5.00|-32768|1.5|n1|g1|NULL|NULL|1|1.5000|7|1",
	"brio|2|2|2|2.2200|2.00|2|2.5|n2|g2|NULL|NULL|2|2.5000|7|2",
	"brio|3|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|7|3",
}

// requireIgnored requires that the columns of a table stay as they are when new ones are ignored, or there are none.
func (s *stack) requireIgnored(t *testing.T, l lake.Lake) {
	t.Helper()
	want := map[string][]string{
		"ignored": {"1|n1|g1|1|1.5000|7|1|-999.99", "2|NULL|NULL|2|2.5000|7|2|2.22", "3|NULL|NULL|3|NULL|NULL|3|NULL"},
		"strict":  {"1|n1|g1|1|1.5000|7|1|-999.99", "2|n2|NULL|2|2.5000|7|2|2.22", "3|NULL|NULL|3|NULL|NULL|3|NULL"},
	}
	for name, rows := range want {
		described, err := l.Describe(t.Context(), s.central.schema, name)
		require.NoError(t, err)
		unchanged, err := l.Describe(t.Context(), s.central.schema, "strict_new")
		require.NoError(t, err)
		assert.Equal(t, unchanged.Columns, described.Columns, name)
		assert.Equal(t, rows, s.query(t, l, "select id, note, gone, wide, exact, required, optional, amount from "+name+" where client_id = 'acme' order by id"), name)
	}
}

// requireMended does what the errors of two tables say.
func (s *stack) requireMended(t *testing.T, l lake.Lake) {
	t.Helper()
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, "delete from keyed where line = 2; alter table keyed drop primary key, add primary key (id); update keyed set v = 9, note = 'back' where id = 1")
	text := strings.NewReplacer("{name: strict_wide, cursor: v, drift: fail}", "{name: strict_wide, cursor: v}").Replace(s.driftSync())
	s.configure(t, text)
	tables := slices.DeleteFunc([]string{"keyed", "strict_wide"}, func(name string) bool { return !s.hasDriftTable(name) })
	in := workflows.SyncInput{Select: workflows.Selection{Clients: []string{"acme"}, Tables: tables}}
	require.NoError(t, s.wait(t, s.startInput(t, workflows.SyncID("daily"), in)))
	assert.Equal(t, []string{"1|back", "2|n2"}, s.query(t, l, "select id, note from keyed where client_id = 'acme' order by id"))
	if s.hasDriftTable("strict_wide") {
		assert.Equal(t, []string{"1|-2147483648", "2|9223372036854775807"}, s.query(t, l, "select id, whole from strict_wide where client_id = 'acme' order by id"))
	}
}
