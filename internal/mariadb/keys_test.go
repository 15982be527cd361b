package mariadb

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestKeysAreThoseOfAllRows(t *testing.T) {
	f := newFixture(t, "create table t (id int unsigned, code varchar(10) collate utf8mb4_general_ci, note text, mandant varchar(10), at datetime null, primary key (id, code))",
		"insert into t values (1, 'a', 'x', 'acme', '2020-01-01'), (2, 'B ', 'x', 'acme', null), (2, 'c', 'x', 'other', '2999-01-01'), (3, 'd', 'draft', 'acme', '2020-01-01')")
	spec := table.Spec{
		Name: "t", Cursor: "at", OnNullCursor: table.NullFail, Where: "note <> 'draft'", Rename: map[string]string{"mandant": "client_id"},
		Deletes: table.Deletes{Reconcile: true},
	}
	keys := func(t *testing.T, spec table.Spec) [][]string {
		s := f.open()
		raw, err := s.ExtractKeys(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir(), From: "2020-01-01 00:00:00.000000"})
		require.NoError(t, err)
		require.True(t, raw.Window.Full())
		return f.rows(raw)
	}
	require.Equal(t, [][]string{{"1", "a", "acme"}, {"2", "B ", "acme"}, {"2", "c", "other"}}, keys(t, spec),
		"whatever their cursor and the bounds, where they pass the filter, as rows are read")

	t.Run("OK: none, of an empty table", func(t *testing.T) {
		spec := spec
		spec.Where = "false"
		require.Empty(t, keys(t, spec))
	})
	t.Run("OK: every column, where SQL makes an id", func(t *testing.T) {
		spec := spec
		spec.Transform = []table.Transform{{Column: "CODE", SQL: "code || note"}}
		require.Len(t, keys(t, spec)[0], 5)
	})
}
