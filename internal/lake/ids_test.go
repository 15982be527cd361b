package lake

import (
	"strings"
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
		"OKSame":      {IDsText(with("id", "line")), with("id", "line"), ""},
		"OKOrderCase": {IDsText(with("id", "line")), with("Line", "ID"), ""},
		"OKUnknown":   {"", with("id"), ""},
		"OKTenants":   {IDsText(with("Client_ID", "id", "region")), with("ID"), ""},
		"OKTenants2":  {IDsText(with("id")), with("client_id", "id"), ""},
		"OKTenants3":  {IDsText(with("client_id")), with("region", "client_id"), ""},
		"ErrTenants":  {IDsText(with("client_id")), with("client_id", "id"), "are client_id, id, and the table's rows are told apart by client_id,"},
		"OKOdd":       {IDsText(odd), odd, ""},
		"ErrMore":     {IDsText(with("id")), with("id", "line"), "are id, line, and the table's rows are told apart by id,"},
		"ErrFewer":    {IDsText(with("id", "line")), with("id"), "are id, and the table's rows are told apart by id, line,"},
		"ErrOther":    {IDsText(with("id")), with("uuid"), "ids: [id]"},
		"ErrOdd":      {IDsText(odd), with("a", "b"), "told apart by a;b, c,d], e=f, ü"},
		"ErrUnclear":  {"*********(redacted)", with("id"), `"*********(redacted)", which cannot be read: remove it`},
		"ErrUnclear2": {"257a7a", with("id"), `"257a7a", which cannot be read`}, // %zz
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

// TestIDsDoNotLookLikeSecrets has the patterns by which Spark hides properties.
func TestIDsDoNotLookLikeSecrets(t *testing.T) {
	for _, keys := range [][]string{{"token"}, {"password_reset_id"}, {"hourly_id"}, {"access_key", "URL_ID", "client_secret"}, {"accesskey", "id"}} {
		b := batchOf("acme")
		b.Keys = keys
		text := IDsText(b)
		for _, shown := range []string{IDsProperty, text} {
			require.NotRegexp(t, `(?i)secret|password|token|access[.]?key`, shown)
			require.NotRegexp(t, `(?i)url`, shown)
		}
		ids, err := IDsOf(text)
		require.NoError(t, err)
		require.Equal(t, keys, ids)
		require.NoError(t, CheckIDs(text, b))
		b.Keys = []string{"other"}
		require.ErrorContains(t, CheckIDs(text, b), "are told apart by "+strings.Join(keys, ", ")+",")
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
