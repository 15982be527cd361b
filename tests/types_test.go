package tests

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

const matrixSync = matrixHead + `
  - {name: kinds}
  - {name: made, cursor: v}
  - {name: zoned, datetime_zone: Europe/Vienna}
  - {name: large}
  - {name: "Odd ` + "`" + `name.s\"", target: names, rename: {"with space": with_space, "a,b;{}()=": punctuation}, cursor: "Updated.At", deletes: {column: "order"},
     types: {"order": boolean, "a,b;{}()=": string, "With Space": "decimal(4,1)"}}
`

const matrixHead = `
target: {{.Target}}
parallel: {clients: 1, tables_per_client: 4}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
tables:`

// hostile are settings of a server that change what clients get to see, unless their sessions say otherwise.
var hostile = testserver.WithArgs("--default-time-zone=-07:00", "--character-set-server=latin1", "--collation-server=latin1_german1_ci", "--skip-character-set-client-handshake",
	"--sql-mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_ZERO_DATE,NO_ZERO_IN_DATE", "--max-allowed-packet=64M")

// sessionSQL goes before statements that write: as text, in UTC, with every date that MariaDB can store.
const sessionSQL = "set names utf8mb4, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES';\n"

// matrix is the kinds of all types, of which each is a column of one table.
var matrix = slices.Concat(integerKinds, decimalKinds, floatKinds, dateKinds, textKinds, otherKinds, shapeKinds)

// TestEveryTypeIsExact brings every type's edges from a real server into each lake, and compares them as exact text.
func TestEveryTypeIsExact(t *testing.T) {
	for _, kind := range []string{"local", "spark"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newMatrixStack(t, lakes[kind](t))
			s.startWorker(t)
			s.sync(t)
			l := s.lake(t)
			s.requireKinds(t, l, "kinds", matrix)
			s.requireKinds(t, l, "made", madeKinds)
			s.requireZoned(t, l)
			s.requireLarge(t, l)
			s.requireNames(t, l)
			if kind == "local" {
				requireExact(t, matrix, shortFloats(t, matrix, s.deltaRS(t, "kinds", columnsOf(matrix), "id")))
				assert.Equal(t, namesRows(), s.deltaRS(t, "names", namesColumns(), "Order.Id"))
				s.requireNamesRefused(t)
			}
		})
	}
}

func newMatrixStack(t *testing.T, central centralLake) *stack {
	t.Helper()
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: central}
	server := testserver.MariaDB(t, hostile)
	c := tenant{ID: "acme", Region: "eu", Database: server.Database(t, "types"), server: server}
	s.clients = append(s.clients, c)
	server.ExecIn(t, c.Database, sessionSQL+kindsSQL("kinds", matrix), sessionSQL+kindsSQL("made", madeKinds), sessionSQL+zonedSQL(), sessionSQL+largeSQL, sessionSQL+namesSQL)
	s.configure(t, matrixSync)
	return s
}

// kindsSQL makes a table with a column k0, k1, … of each kind. Row 0 has only NULLs, row n each kind's n-th value.
func kindsSQL(name string, kinds []kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "create table %s (id int primary key, v int not null default 1", name)
	for i, k := range kinds {
		fmt.Fprintf(&b, ",\n k%d %s", i, k.declared)
	}
	b.WriteString(") charset utf8mb4;\n")
	for row := range rowsOf(kinds) {
		columns, values := []string{"id"}, []string{strconv.Itoa(row + 1)}
		for i, k := range kinds {
			if row < len(k.values) {
				columns, values = append(columns, fmt.Sprintf("k%d", i)), append(values, k.values[row][0])
			}
		}
		fmt.Fprintf(&b, "insert into %s (%s) values (%s);\n", name, strings.Join(columns, ", "), strings.Join(values, ", "))
	}
	return b.String()
}

func rowsOf(kinds []kind) int {
	rows := 0
	for _, k := range kinds {
		rows = max(rows, len(k.values))
	}
	return rows
}

// requireKinds requires that every column has its type, and every value its exact text.
func (s *stack) requireKinds(t *testing.T, l lake.Lake, name string, kinds []kind) {
	t.Helper()
	described, err := l.Describe(t.Context(), s.central.schema, name)
	require.NoError(t, err)
	columns := columnsOf(kinds)
	for i, k := range kinds {
		at := described.Columns.Find(columns[i])
		require.GreaterOrEqual(t, at, 0, k.declared)
		assert.Equal(t, k.want, described.Columns[at].Type, k.declared)
	}
	requireExact(t, kinds, s.cells(t, l, fmt.Sprintf("select %s from %s order by id", strings.Join(columns, ", "), name)))
}

func columnsOf(kinds []kind) []string {
	columns := make([]string, len(kinds))
	for i := range kinds {
		columns[i] = fmt.Sprintf("k%d", i)
	}
	return columns
}

func requireExact(t *testing.T, kinds []kind, rows [][]string) {
	t.Helper()
	require.Len(t, rows, rowsOf(kinds))
	for i, k := range kinds {
		for row, got := range rows {
			stored, want := "NULL", null
			if row < len(k.values) {
				stored, want = k.values[row][0], k.values[row][1]
			}
			if got[i] != want {
				assert.Fail(t, "a value is not exact", "%.200s of %.60s is %.200q, not %.200q", stored, k.declared, got[i], want)
			}
		}
	}
}

// cells runs SQL on the lake and returns each value's exact text.
func (s *stack) cells(t *testing.T, l lake.Lake, sql string) [][]string {
	t.Helper()
	rows, err := l.Query(t.Context(), s.central.schema, sql, lake.At{})
	require.NoError(t, err, sql)
	defer func() { require.NoError(t, rows.Close()) }()
	var all [][]string
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = exactText(rows.Columns()[i].Type, cell)
		}
		all = append(all, cells)
	}
	require.NoError(t, rows.Err())
	return all
}

// exactText is cellText with the shortest text of a float that no other has.
func exactText(kind table.Type, cell any) string {
	f, isFloat := cell.(float64)
	switch {
	case isFloat && kind == table.Float:
		return strconv.FormatFloat(f, 'g', -1, 32)
	case isFloat:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return cellText(kind, cell)
}

// shortFloats writes Python's floats as exactText does.
func shortFloats(t *testing.T, kinds []kind, rows [][]string) [][]string {
	t.Helper()
	for _, row := range rows {
		for i, k := range kinds {
			if (k.want == table.Float || k.want == table.Double) && row[i] != null {
				f, err := strconv.ParseFloat(row[i], 64)
				require.NoError(t, err)
				row[i] = exactText(k.want, f)
			}
		}
	}
	return rows
}

func zonedSQL() string {
	sql := zonedTable + ";\n"
	for i, row := range zonedRows {
		sql += fmt.Sprintf("insert into zoned values (%d, '%s', '%s', date('%s'));\n", i, row[0], row[2], row[0])
	}
	return sql
}

func (s *stack) requireZoned(t *testing.T, l lake.Lake) {
	t.Helper()
	var want [][]string
	for _, row := range zonedRows {
		want = append(want, []string{row[1], row[3], row[0][:len(time.DateOnly)]})
	}
	assert.Equal(t, want, s.cells(t, l, "select zoned.local, instant, zoned.at from zoned order by id"))
}

// largeSQL has values at the edge of 16 MiB, where the protocol divides a packet.
const largeSQL = `create table large (id int primary key, b longblob, t longtext charset utf8mb4);
insert into large values (16777214, repeat('b', 16777214), repeat('ü', 8388607)), (16777216, repeat('b', 16777216), 'é');`

func (s *stack) requireLarge(t *testing.T, l lake.Lake) {
	t.Helper()
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	hash := "sha256(%s)"
	if s.central.spark != nil {
		hash = "sha2(%s, 256)"
	}
	query := fmt.Sprintf("select id, "+hash+", "+hash+" from large order by id", "b", "t")
	want := [][]string{
		{"16777214", sum(strings.Repeat("b", 16777214)), sum(strings.Repeat("ü", 8388607))},
		{"16777216", sum(strings.Repeat("b", 16777216)), sum("é")},
	}
	assert.Equal(t, want, s.cells(t, l, query))
}
