package table_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestQuoteLeavesNoWayOut(t *testing.T) {
	require.Equal(t, "`a``b`", table.Quote("a`b", table.Backtick))
	require.Equal(t, `"a""b"`, table.Quote(`a"b`, table.DoubleQuote))
	require.Equal(t, "`a`, `b c`", table.QuoteAll([]string{"a", "b c"}, table.Backtick))
	require.Equal(t, "'o''clock'", table.Literal("o'clock"))
}

func TestDecimalOf(t *testing.T) {
	for text, want := range map[table.Type][2]int{"decimal(12,2)": {12, 2}, table.Decimal(38, 0): {38, 0}} {
		p, s, ok := text.DecimalOf()
		require.True(t, ok)
		require.Equal(t, want, [2]int{p, s})
	}
	for _, other := range []table.Type{table.Long, "decimal", "decimal(x,2)"} {
		_, _, ok := other.DecimalOf()
		require.False(t, ok, other)
	}
}

func TestNamesAreFoundWithoutRegardToCase(t *testing.T) {
	spec := table.Spec{Rename: map[string]string{"KundeNr": "customer_id"}}
	require.Equal(t, "customer_id", spec.CentralName("kundenr"))
	require.Equal(t, "other", spec.CentralName("other"))
	schema := table.Schema{{Name: "ID"}, {Name: "note"}}
	require.Equal(t, 0, schema.Find("id"))
	require.Equal(t, -1, schema.Find("missing"))
}

func TestSummaryCountsEverythingAndListsWithinBounds(t *testing.T) {
	var all table.Summary
	for range 30 {
		part := table.Summary{Clients: 1}
		part.Add(table.Run{Status: table.StatusOK, Counts: table.Counts{Read: 2, Deleted: 1}})
		part.Add(table.Run{Status: table.StatusFailed, Error: strings.Repeat("ü", 1000)})
		part.Add(table.Run{Status: table.StatusSkipped})
		part.AddProblem(table.Problem{Status: table.StatusCancelled})
		part.Note("the same")
		all.Merge(part)
	}
	require.Equal(t, [5]int{30, 30, 30, 30, 30}, [5]int{all.OK, all.Failed, all.Skipped, all.Cancelled, all.Clients})
	require.Equal(t, table.Counts{Read: 60, Deleted: 30}, all.Counts)
	require.Len(t, all.Problems, 50)
	require.Equal(t, []string{"the same"}, all.Notes)
	long := all.Problems[0].Error
	require.Less(t, len(long), 700)
	require.True(t, utf8.ValidString(long))
}

func TestSummaryKnowsEveryIncompleteTable(t *testing.T) {
	var all table.Summary
	for range 100 {
		var part table.Summary
		part.Add(table.Run{Ref: table.Ref{Table: "orders"}, Status: table.StatusOK})
		part.Add(table.Run{Ref: table.Ref{Table: "lines"}, Status: table.StatusFailed})
		all.Merge(part)
	}
	var late table.Summary
	late.Add(table.Run{Ref: table.Ref{Table: "stock"}, Status: table.StatusSkipped})
	late.AddProblem(table.Problem{Table: "events", Status: table.StatusCancelled})
	late.AddProblem(table.Problem{Client: "acme", Status: table.StatusFailed})
	all.Merge(late)
	require.Len(t, all.Problems, 50)
	require.Equal(t, []string{"events", "lines", "stock"}, all.Incomplete, "also those that are no longer listed")
	all.Lack("stock", "customers")
	require.Equal(t, []string{"customers", "events", "lines", "stock"}, all.Incomplete)
}

func TestReloadReadsTheColumnThatWasTheCursor(t *testing.T) {
	named := table.Spec{Cursor: "updated_at", Columns: []string{"id", "v"}}
	require.Equal(t, table.Spec{Columns: []string{"id", "v", "updated_at"}}, named.Reload())
	require.Equal(t, []string{"id", "v"}, named.Columns)
	require.Equal(t, table.Spec{Columns: []string{"Updated_At"}}, table.Spec{Cursor: "updated_at", Columns: []string{"Updated_At"}}.Reload())
	require.Equal(t, table.Spec{}, table.Spec{Cursor: "updated_at"}.Reload())
	require.Equal(t, table.Spec{Columns: []string{"id"}}, table.Spec{Columns: []string{"id"}}.Reload())
}
