package tests

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// oddNames are names that columns keep, from source to lake.
var oddNames = []string{"select", "MixedCase", "a.b", "tick`s", `quote"s`, "emoji☕", "ünï", "it's", "semi-colon", "100%", "$1", "?", "#x", "a/b", `back\slash`, "[x]", "_t_position", "1", "%d"}

var namesSQL = func() string {
	sql := "create table `Odd ``name.s\"` (`Order.Id` int, `kèy` varchar(9) charset latin1"
	for _, name := range oddNames {
		sql += ", " + table.Quote(name, table.Backtick) + " varchar(40)"
	}
	sql += ", `with space` int, `a,b;{}()=` int, `order` tinyint not null default 0, `Updated.At` timestamp(6) not null, primary key (`kèy`, `Order.Id`)) charset utf8mb4;\n"
	for id := 1; id <= 2; id++ {
		sql += fmt.Sprintf("insert into `Odd ``name.s\"` values (%d, 'ä'", id)
		for i := range oddNames {
			sql += fmt.Sprintf(", '%d %d'", id, i)
		}
		sql += fmt.Sprintf(", %d, %d, 0, '2024-01-01 00:00:00');\n", 10*id, 20*id)
	}
	return sql
}()

func (s *stack) requireNames(t *testing.T, l lake.Lake) {
	t.Helper()
	quote := table.DoubleQuote
	if s.central.spark != nil {
		quote = table.Backtick
	}
	names := namesColumns()
	described, err := l.Describe(t.Context(), s.central.schema, "names")
	require.NoError(t, err)
	for _, name := range names {
		at := described.Columns.Find(name)
		require.GreaterOrEqual(t, at, 0, name)
		assert.Equal(t, name, described.Columns[at].Name)
	}
	assert.Equal(t, namesRows(), s.cells(t, l, "select "+table.QuoteAll(names, quote)+" from names order by 1"))
}

// requireNamesRefused requires that columns which the lake cannot name fail their table before anything is read.
func (s *stack) requireNamesRefused(t *testing.T) {
	t.Helper()
	s.configure(t, matrixHead+`
  - {name: "Odd `+"`"+`name.s\"", target: others, rename: {"with space": with_space}}
`)
	err := s.wait(t, s.start(t))
	require.ErrorContains(t, err, "others: ")
	require.ErrorContains(t, err, `column name "a,b;{}()=": Delta allows no spaces and none of ,;{}()= in a name: add rename: {"a,b;{}()=": "a_b"}, or exclude it`)
	require.NotContains(t, err.Error(), "with_space")
}

func namesColumns() []string {
	return slices.Concat([]string{"Order.Id", "kèy"}, oddNames, []string{"with_space", "punctuation", "order"})
}

func namesRows() [][]string {
	var rows [][]string
	for id := 1; id <= 2; id++ {
		row := []string{strconv.Itoa(id), "ä"}
		for i := range oddNames {
			row = append(row, fmt.Sprintf("%d %d", id, i))
		}
		rows = append(rows, append(row, fmt.Sprintf("%d.0", 10*id), strconv.Itoa(20*id), "false"))
	}
	return rows
}

const deltaRSProgram = `
import sys, json, decimal, datetime
import pyarrow as pa
from deltalake import DeltaTable
path, order, columns = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
def text(v):
    if v is None: return "NULL"
    if isinstance(v, bool): return str(v).lower()
    if isinstance(v, bytes): return v.hex().upper()
    if isinstance(v, decimal.Decimal): return format(v, "f")
    if isinstance(v, datetime.datetime): return v.isoformat(sep=" ", timespec="microseconds")
    return str(v)
def plain(column):
    if pa.types.is_timestamp(column.type): column = column.cast(pa.timestamp("us"))
    return column.to_pylist()
t = DeltaTable(path).to_pyarrow_table().sort_by(order)
print(json.dumps(list(zip(*[[text(v) for v in plain(t.column(c))] for c in columns]))))
`

// deltaRS reads a table of a local lake as delta-rs does.
func (s *stack) deltaRS(t *testing.T, name string, columns []string, order string) [][]string {
	t.Helper()
	wanted, err := json.Marshal(columns)
	require.NoError(t, err)
	cmd := testserver.PythonCommand(t, deltaRSProgram, filepath.Join(s.dir, "lake", "central", name), order, string(wanted))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var rows [][]string
	require.NoError(t, json.Unmarshal(out, &rows))
	return rows
}
