package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestAReloadKeepsTheIDsOfWhatItQuarantined(t *testing.T) {
	sum := sha256.Sum256([]byte("saltb"))
	hashed := hex.EncodeToString(sum[:])
	for name, test := range map[string]struct {
		transform []table.Transform
		want      [][]string
	}{
		"as they are": {want: [][]string{{"1", "b"}}},
		"hashed, and never through a step of another column": {
			transform: []table.Transform{
				{Column: "code", Hash: "sha256", Salt: "env:S"},
				{Column: "note", SQL: "CAST(note AS INTEGER)"}, // fails on the quarantined row
			},
			want: [][]string{{"1", hashed}},
		},
		"made by SQL": {
			transform: []table.Transform{{Column: "code", SQL: "upper(code) || n"}},
			want:      [][]string{{"1", "B-1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			job := newJob(t, []string{"id", "code"}, "", "id long?", "code string?", "n long?", "note string?")
			job.Spec.Rename = map[string]string{"id": "number"}
			job.Spec.Transform = test.transform
			job.Spec.Expect = []table.Rule{{Name: "n", That: "n >= 0", Otherwise: table.Quarantine}}
			job.Salts = map[string]string{"env:S": "salt"}
			job = withRows(t, job, 2, []any{1, "a", 1, "5"}, []any{1, "b", -1, "no number"}, []any{nil, "c", 1, "7"})

			valid, out := both(t, job)

			require.Equal(t, int64(2), valid.Counts.Quarantined)
			require.Len(t, out.Kept, 1)
			require.Equal(t, test.want, query(t, "SELECT number, code FROM read_parquet('"+out.Kept[0].Path+"')"))

			job.Raw.Window.Kind = table.CursorTime
			_, out = both(t, job)
			require.Empty(t, out.Kept, "a window deletes nothing")
		})
	}
}

// withKeys writes raw files of keys, with the columns of the job's key plan.
func withKeys(t *testing.T, job Job, rows ...[]any) Job {
	t.Helper()
	keys := job
	keys.Plan = job.Plan.KeyPlan(job.Spec)
	keys = withRows(t, keys, 2, rows...)
	job.Raw.Keys, job.Raw.KeyRows = keys.Raw.Files, keys.Raw.Rows
	return job
}

func TestKeysOfAllRowsAreKeptAsTheirRowsAreStored(t *testing.T) {
	newer := func(t *testing.T) Job {
		job := newJob(t, []string{"id", "code"}, "updated", "id long?", "code string?", "mandant string?", "note string?", "updated long?")
		job.Spec.Rename = map[string]string{"id": "number", "mandant": "client_id"}
		job.Spec.Transform = []table.Transform{
			{Column: "code", Hash: "sha256", Salt: "env:S"},
			{Column: "note", SQL: "CAST(note AS INTEGER)"},
		}
		job.Salts = map[string]string{"env:S": "salt"}
		return job
	}
	sum := sha256.Sum256([]byte("saltb"))
	hashed := hex.EncodeToString(sum[:])

	t.Run("OK", func(t *testing.T) {
		job := withRows(t, newer(t), 2, []any{1, "b", "acme", "5", 9})
		job.Raw.Window.Kind = table.CursorInteger
		require.Equal(t, []string{"id", "code", "mandant"}, job.Plan.KeyPlan(job.Spec).Schema().Names())
		job = withKeys(t, job, []any{1, "b", "acme"}, []any{2, "b", nil}, []any{3, "b", "globex"}, []any{nil, "b", "acme"}, []any{2, "b", "acme"})
		_, out := both(t, job)
		require.Equal(t, [][]string{{"1", hashed}}, clean(t, out, "number, code"))
		require.Len(t, out.Kept, 1)
		require.Equal(t, int64(3), out.Kept[0].Rows)
		require.Equal(t, [][]string{{"1", hashed}, {"2", hashed}, {"2", hashed}}, query(t, "SELECT number, code FROM read_parquet('"+out.Kept[0].Path+"')"),
			"not those of another client, which are never merged")
	})
	t.Run("OK: SQL makes an id of other columns", func(t *testing.T) {
		job := newer(t)
		job.Spec.Transform = []table.Transform{{Column: "code", SQL: "code || note"}}
		job = withRows(t, job, 2)
		job.Raw.Window.Kind, job.Raw.Files = table.CursorInteger, nil
		job = withKeys(t, job, []any{1, "b", "acme", "5", 9})
		_, out := both(t, job)
		require.Equal(t, [][]string{{"1", "b5"}}, query(t, "SELECT number, code FROM read_parquet('"+out.Kept[0].Path+"')"))
	})
	t.Run("OK: an empty table has an empty file", func(t *testing.T) {
		job := withRows(t, newer(t), 2, []any{1, "b", "acme", "5", 9})
		job = withKeys(t, job, []any{1, "b", "acme"})
		writeRaw(t, job.Raw.Keys[0], mustSchema(t, job.Plan.KeyPlan(job.Spec).Schema()))
		job.Raw.KeyRows = 0
		_, out := both(t, job)
		require.Equal(t, int64(0), out.Kept[0].Rows)
	})
	t.Run("ErrRaw: fewer keys than were read", func(t *testing.T) {
		job := withRows(t, newer(t), 2, []any{1, "b", "acme", "5", 9})
		job = withKeys(t, job, []any{1, "b", "acme"}, []any{2, "b", nil}, []any{3, "b", "acme"})
		job.Raw.Keys = job.Raw.Keys[:1]
		valid, err := Validate(t.Context(), job)
		require.NoError(t, err)
		_, err = Transform(t.Context(), job, valid)
		require.ErrorIs(t, err, ErrRaw)
	})
}

func mustSchema(t *testing.T, columns table.Schema) *arrow.Schema {
	t.Helper()
	schema, err := arrowSchema(columns)
	require.NoError(t, err)
	return schema
}
