package lake_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/local"
	"tributary/internal/table"
)

func TestNamesThatALakeCannotHave(t *testing.T) {
	var plan table.Plan
	for _, name := range []string{"id", "a.b", "tick`s", "two words", "a,b", " =", "mended too"} {
		plan.Columns = append(plan.Columns, table.SourceColumn{Name: name})
	}
	spec := table.Spec{Rename: map[string]string{"Mended Too": "mended"}}
	err := lake.CheckNames(local.Names{}, spec, plan)
	require.ErrorIs(t, err, lake.ErrSchema)
	require.EqualError(t, err, `schemas do not fit: column name "two words": Delta allows no spaces and none of ,;{}()= in a name: add rename: {"two words": "two_words"}, or exclude it; `+
		`column name "a,b": Delta allows no spaces and none of ,;{}()= in a name: add rename: {"a,b": "a_b"}, or exclude it; `+
		`column name " =": Delta allows no spaces and none of ,;{}()= in a name: add rename: {" =": "column"}, or exclude it`)

	t.Run("OK", func(t *testing.T) {
		require.NoError(t, lake.CheckNames(nil, spec, plan), "a lake that takes any")
		require.NoError(t, lake.CheckNames(local.Names{}, spec, table.Plan{Columns: plan.Columns[:3]}))
		require.NoError(t, lake.CheckNames(local.Names{}, table.Spec{Drift: table.DriftIgnore}, plan))
	})
}
