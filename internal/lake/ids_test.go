package lake

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestCheckIDs(t *testing.T) {
	with := func(keys ...string) table.Batch {
		b := batchOf("acme")
		b.Keys = keys
		return b
	}
	odd := with("a;b", "c,d]", "e=f", "ü \"`")
	require.NotRegexp(t, `[,\]"' ]`, IDsText(odd), "it is one value in a list of properties, and in SQL")
	for name, test := range map[string]struct {
		has   string
		batch table.Batch
		says  string // "" for no error
	}{
		"OKSame":      {"id;line", with("id", "line"), ""},
		"OKOrderCase": {"id;line", with("Line", "ID"), ""},
		"OKUnknown":   {"", with("id"), ""},
		"OKOdd":       {IDsText(odd), odd, ""},
		"ErrMore":     {"id", with("id", "line"), "are id, line, and the table's rows are told apart by id,"},
		"ErrFewer":    {"id;line", with("id"), "are id, and the table's rows are told apart by id, line,"},
		"ErrOther":    {"id", with("uuid"), "ids: [id]"},
		"ErrOdd":      {IDsText(odd), with("a", "b"), "told apart by a;b, c,d], e=f, ü"},
		"ErrUnclear":  {"%zz", with("id"), `"%zz", which cannot be read`},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckIDs(test.has, test.batch)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrSchema)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "client acme")
		})
	}
}

func TestDriftNote(t *testing.T) {
	current := columns("id", "long", "n", "integer", "old", "string")
	for name, test := range map[string]struct {
		current table.Schema
		batch   table.Batch
		want    string
	}{
		"New":      {nil, batchWith("a", "", "id", "long"), ""},
		"Same":     {current, batchWith("a", "", "OLD", "string", "id", "short", "n", "integer"), ""},
		"Dropped":  {current, batchWith("a", "", "id", "long"), ""},
		"Added":    {current, batchWith("a", "", "id", "long", "n", "integer", "old", "string", "x", "date"), "x added"},
		"Ignored":  {current, batchWith("a", table.DriftIgnore, "id", "long", "n", "integer", "old", "string", "x", "date"), "x left out (drift is ignore)"},
		"Widened":  {current, batchWith("a", "", "id", "long", "n", "long", "old", "string"), "n (integer to long) made wider"},
		"Renamed":  {current, batchWith("a", "", "id", "long", "n", "integer", "new", "string"), "new added; the source has no old (a rename is taken as drop + add: new rows are NULL there, and rows that are not read again keep what they have)"},
		"Versions": {current.WithVersions(), versionsOf(batchWith("a", "", "id", "long", "n", "integer", "old", "string", "x", "date")), "x added"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want != "" {
				test.want = "columns of " + test.batch.Ref.Table + ": " + test.want
			}
			require.Equal(t, test.want, DriftNote(test.current, test.batch))
		})
	}
}

func versionsOf(batch table.Batch) table.Batch {
	batch.History = table.HistoryOnly
	return batch
}

func TestErrBatchesOfDifferentIDsDoNotBegin(t *testing.T) {
	a, b := batchOf("acme"), batchOf("globex")
	a.Keys, b.Keys = []string{"id"}, []string{"id", "line"}
	_, err := MergeCompatible([]table.Batch{a, b}, func([]table.Batch) ([]MergeResult, error) {
		t.Error("some are merged")
		return nil, nil
	})
	require.ErrorIs(t, err, ErrSchema)
	require.ErrorContains(t, err, "client globex")
}
