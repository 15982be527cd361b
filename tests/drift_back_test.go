package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/workflows"
)

const backSync = `
target: {{.Target}}
parallel: {clients: 1, tables_per_client: 4}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
tables:
  - {name: swings, cursor: v}
  - {name: cased, cursor: v, rename: {other: remark}, deletes: {column: gone}, expect: [{name: noted, that: "note is not null", otherwise: fail}]}
  - {name: readded, cursor: v}
  - {name: regained, cursor: v}
  - {name: scaled, cursor: v}
  - {name: signed, cursor: v}
  - {name: clocked, cursor: moved, overlap: 0s, datetime_zone: Etc/GMT-2}
`

// backSteps are what each table goes through before each of three syncs. Row 1 is below the overlap, and stays as it was first read.
var backSteps = map[string][3]string{
	"swings": {
		"create table swings (id int primary key, v bigint not null, n int, d decimal(5,2), c varchar(5)); insert into swings values (1, -1000000, -2147483648, -999.99, 'a'), (2, 2, 2, 2, 'b')",
		"alter table swings modify n bigint, modify d decimal(12,4), modify c varchar(50); update swings set v = 3, n = 9223372036854775807, d = 0.0001, c = repeat('c', 50) where id = 2",
		"update swings set n = 2, d = 2, c = 'b'; alter table swings modify n tinyint unsigned null, modify d decimal(3,0), modify c char(5), drop primary key, modify id bigint unsigned primary key; insert into swings values (3, 4, 255, 999, 'd')",
	},
	"cased": {
		"create table cased (id int primary key, v bigint not null, note varchar(9), other int, gone boolean not null default false); insert into cased values (1, -1000000, 'n1', 1, 0), (2, 2, 'n2', 2, 0), (3, 2, 'n3', 3, 0)",
		"alter table cased rename column id to ID, rename column note to NOTE, rename column v to V, rename column other to Other, rename column gone to GONE; update cased set v = 3, note = 'N2', other = 22 where id = 2; update cased set v = 3, gone = 1 where id = 3",
		"alter table cased rename column ID to id, rename column NOTE to Note; update cased set v = 4, note = null where id = 1; insert into cased values (4, 4, 'n4', 4, 0); update cased set note = 'back' where id = 1",
	},
	"readded": {
		"create table readded (id int primary key, v bigint not null, gone varchar(9)); insert into readded values (1, -1000000, '1'), (2, 2, '2')",
		"alter table readded drop gone; update readded set v = 3 where id = 2",
		"alter table readded add gone int default 7; update readded set v = 4 where id = 2",
	},
	"regained": {
		"create table regained (id int primary key, v bigint not null, gone varchar(9)); insert into regained values (1, -1000000, '1'), (2, 2, '2'), (3, 2, '3')",
		"alter table regained drop gone; update regained set v = 3 where id <> 1",
		"alter table regained add gone char(9); update regained set v = 4, gone = 'again' where id = 2",
	},
	"scaled": {
		"create table scaled (id int primary key, v bigint not null, d decimal(5,2)); insert into scaled values (1, -1000000, -999.99), (2, 2, 2)",
		"update scaled set d = 0; alter table scaled modify d decimal(5,4); update scaled set v = 3, d = 9.9999 where id = 2",
		"alter table scaled modify d decimal(7,4); update scaled set v = 4, d = 999.9999 where id = 2",
	},
	"signed": {
		"create table signed (id int primary key, v bigint not null, n int, b bigint); insert into signed values (1, -1000000, -1, -9223372036854775808), (2, 2, 2, 2)",
		"update signed set n = 0, b = 0; alter table signed modify n int unsigned, modify b bigint unsigned; update signed set v = 3, n = 4294967295, b = 18446744073709551615 where id = 2",
		"update signed set n = 0, b = 0; alter table signed modify n int, modify b bigint; update signed set v = 4, n = -5, b = -9223372036854775808 where id = 2",
	},
	"clocked": { // its cursor is of the same instants in the client's zone, then in UTC, then again in the zone
		"set time_zone = '+02:00'; create table clocked (id int primary key, n int, moved datetime(6) not null); insert into clocked values (1, 1, now(6) - interval 1 minute), (2, 2, now(6) - interval 1 minute)",
		"set time_zone = '+02:00'; alter table clocked modify moved timestamp(6) not null; update clocked set n = 22, moved = now(6) where id = 2",
		"set time_zone = '+02:00'; alter table clocked modify moved datetime(6) not null; update clocked set n = 222, moved = now(6) where id = 2",
	},
}

// backTables are what the lake has at the end: the type of a column, and the rows.
var backTables = map[string]struct {
	types map[string]table.Type
	query string
	rows  []string
}{
	"swings": {map[string]table.Type{"id": table.Decimal(20, 0), "n": table.Long, "d": table.Decimal(12, 4), "c": table.String}, "id, n, d, c",
		[]string{"1|-2147483648|-999.9900|a", "2|2|2.0000|b", "3|255|999.0000|d"}},
	"cased": {map[string]table.Type{"note": table.String, "remark": table.Integer}, "id, v, note, remark", []string{"1|4|back|1", "2|3|N2|22", "4|4|n4|4"}},
	// A column that comes back is the one that was there: rows that did not change since keep what they had of it.
	"readded":  {map[string]table.Type{"gone": table.String}, "id, v, gone", []string{"1|-1000000|1", "2|3|NULL"}},
	"regained": {map[string]table.Type{"gone": table.String}, "id, v, gone", []string{"1|-1000000|1", "2|4|again", "3|3|NULL"}},
	"scaled":   {map[string]table.Type{"d": table.Decimal(7, 4)}, "id, d", []string{"1|-999.9900", "2|999.9999"}},
	"signed":   {map[string]table.Type{"n": table.Long, "b": table.Decimal(20, 0)}, "id, n, b", []string{"1|-1|-9223372036854775808", "2|-5|-9223372036854775808"}},
}

// backFaults are the tables that fail in each sync, and what their errors say.
var backFaults = [3]map[string][]string{
	1: {"scaled": {`column "d" is decimal(5,4) at the source and decimal(5,2) in the table`, "cannot hold it exactly"}},
	2: {"readded": {`column "gone" is integer at the source and string in the table`, "convert it with a transform"}},
}

// TestDriftBackAndForth alters columns and takes it back: wider and narrower, signed and unsigned, names in another case, columns that are
// dropped and come back, a cursor in another zone.
func TestDriftBackAndForth(t *testing.T) {
	t.Parallel()
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: localLake(t)}
	server := testserver.MariaDB(t)
	acme := tenant{ID: "acme", Region: "eu", Database: server.Database(t, "acme"), server: server}
	s.clients = []tenant{acme}
	s.configure(t, backSync)
	s.startWorker(t)
	l := s.lake(t)
	for step := range 3 {
		for _, steps := range backSteps {
			server.ExecIn(t, acme.Database, steps[step])
		}
		if faults := backFaults[step]; faults == nil {
			s.sync(t)
		} else {
			s.requireProblems(t, s.drift(t), faults)
		}
		s.requireClocked(t, l, acme)
	}
	for name, want := range backTables {
		described, err := l.Describe(t.Context(), s.central.schema, name)
		require.NoError(t, err)
		for column, typ := range want.types {
			at := described.Columns.Find(column)
			if assert.GreaterOrEqual(t, at, 0, "%s.%s", name, column) {
				assert.Equal(t, typ, described.Columns[at].Type, "%s.%s", name, column)
			}
		}
		assert.Equal(t, want.rows, s.query(t, l, "select "+want.query+" from "+name+" order by id"), name)
	}
	in := workflows.SyncInput{Select: workflows.Selection{Tables: []string{"swings", "cased", "regained", "scaled", "signed"}}}
	require.NoError(t, s.wait(t, s.startInput(t, workflows.SyncID("daily"), in)), "and nothing more changes")
	for name := range backTables {
		assert.Equal(t, backTables[name].rows, s.query(t, l, "select "+backTables[name].query+" from "+name+" order by id"), name)
	}
}

// requireClocked requires the same instants at the source and in the lake, whatever the source's column is.
func (s *stack) requireClocked(t *testing.T, l lake.Lake, c tenant) {
	t.Helper()
	at := "cast(moved as char)"
	if rows := c.rows(t, "select data_type from information_schema.columns where table_schema = database() and table_name = 'clocked' and column_name = 'moved'"); rows[0] == "datetime" {
		at = "cast(moved - interval 2 hour as char)"
	}
	assert.Equal(t, c.rows(t, "set statement time_zone = '+00:00' for select id, n, "+at+" from clocked order by id"), s.query(t, l, "select id, n, moved from clocked order by id"))
}
