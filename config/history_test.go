package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestHistory(t *testing.T) {
	for written, want := range map[string][]string{
		"false": {"a"}, "true": {"a", "a_history"}, `"true"`: {"a", "a_history"}, "only": {"a"},
	} {
		spec := loaded(t, daily(t, "target: {schema: s}\ntables: [{name: a, history: "+written+"}]")).Syncs[0].Tables[0]
		require.Equal(t, want, spec.Targets(), written)
		require.Equal(t, written == "only", spec.History == table.HistoryOnly, written)
	}
	t.Run("LaidOutByItsOwnColumns", func(t *testing.T) {
		loaded(t, daily(t, "target: {schema: s}\ntables: [{name: a, columns: [id], history: only, partition_by: [client_id, is_current]}]"))
	})
}

func TestErrHistory(t *testing.T) {
	for name, c := range map[string]struct{ tables, says string }{
		"word":                 {`{name: a, history: yes please}`, `tables[0].history`},
		"long name":            {`{name: a, target: ` + strings.Repeat("x", 125) + `, history: true}`, `cannot be the name of the table of versions`},
		"column":               {`{name: a, columns: [id, Valid_From], history: true}`, `tables[0].history: needs a column valid_from for itself, and there is one from "Valid_From"; rename that one`},
		"rename":               {`{name: a, rename: {b: is_current}, history: only}`, `needs a column is_current for itself, and there is one from "b"`},
		"fill":                 {`{name: a, fill: {valid_to: x}, history: only}`, `needs a column valid_to for itself, and there is one from fill`},
		"another table's name": {`{name: a, history: true}, {name: A_History}`, `tables[1]: goes to the central table "A_History", as tables[0] does`},
		"laid out by columns that the latest rows have not": {`{name: a, columns: [id], history: true, partition_by: [is_current]}`, `"is_current" is not in columns`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, strings.Join(faults(t, daily(t, "target: {schema: s}\ntables: ["+c.tables+"]")), "\n"), c.says)
		})
	}
}

func TestSyncsThatShareATableKeepTheSameHistory(t *testing.T) {
	path := daily(t, "target: {schema: s}\ntables: [{name: orders, cursor: u, history: true}]")
	for table, want := range map[string][]string{
		"{name: orders, history: true}": nil,
		"{name: orders}":                {`monthly.yaml:2: tables[0].history: differs from that of the sync daily, which brings the table "orders" to the same central table: versions would be missing; write the same in both`},
		"{name: orders_history}":        {`monthly.yaml:2: tables[0]: goes to the central table "orders_history", where the sync daily brings versions of the table "orders"; give one of them another target`},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(path, "monthly.yaml"), []byte("target: {schema: s}\ntables: ["+table+"]"), 0o600))
		if want == nil {
			loaded(t, path)
		} else {
			require.Equal(t, want, faults(t, path))
		}
	}
}
