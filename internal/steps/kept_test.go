package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

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
