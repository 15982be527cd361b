package mariadb

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// A window over an indexed cursor must not read the whole table, whatever is asked of rows without a cursor.
func TestWindowsAreReadThroughTheCursorsIndex(t *testing.T) {
	for name, c := range map[string]struct{ column, value, low, high string }{
		"datetime":           {"datetime null", "timestampadd(minute, seq, '2024-01-01')", "2024-01-02 00:00:00.000000", "2024-01-02 00:10:00.000000"},
		"datetime(6)":        {"datetime(6) not null", "timestampadd(minute, seq, '2024-01-01')", "2024-01-02 00:00:00.000000", "2024-01-02 00:10:00.000000"},
		"timestamp(6)":       {"timestamp(6) not null default current_timestamp(6)", "timestampadd(minute, seq, '2024-01-01')", "2024-01-02 00:00:00.000000", "2024-01-02 00:10:00.000000"},
		"timestamp nullable": {"timestamp null", "timestampadd(minute, seq, '2024-01-01')", "2024-01-02 00:00:00.000000", "2024-01-02 00:10:00.000000"},
		"date":               {"date not null", "timestampadd(day, seq, '2010-01-01')", "2011-01-01", "2011-01-05"},
		"integer":            {"bigint unsigned not null", "seq", "100", "110"},
		"string":             {"varchar(20) not null", "lpad(seq, 10, '0')", table.QuoteBound("0000004990"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "create table t (id int primary key, at "+c.column+", pad varchar(200), key (at))",
				"insert into t select seq, "+c.value+", repeat('x', 200) from seq_1_to_5000", "analyze table t")
			for _, nulls := range []string{table.NullInclude, table.NullExclude} {
				spec := table.Spec{Name: "t", Cursor: "at", OnNullCursor: nulls}
				s := f.open()
				e, err := s.extraction(ExtractRequest{Spec: spec, Plan: f.plan(s, spec)})
				require.NoError(t, err)
				query, named := e.query(table.Window{Kind: e.req.Plan.CursorKind, Low: c.low, High: c.high})
				args := make([]any, len(named))
				for i, arg := range named {
					args[i] = arg.Value
				}
				require.NotContains(t, explained(t, s.db, query, args), " ALL ", "%s\n%v", query, args)
				e.session = &session{server: "named"}
				require.Contains(t, explained(t, s.db, e.maxSQL(), nil), "Select tables optimized away", "the largest cursor is read of the index's end")
			}
		})
	}
}

// explained is the server's plan of a query, columns separated by blanks.
func explained(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN "+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	require.True(t, rows.Next(), "%v", rows.Err())
	values, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	require.NoError(t, rows.Scan(dest...))
	var plan strings.Builder
	for _, v := range values {
		fmt.Fprintf(&plan, " %s ", v.String)
	}
	return plan.String()
}
