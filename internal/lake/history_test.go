package lake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

func TestATableOfVersionsIsToldFromOneOfLatestRows(t *testing.T) {
	latest := want("", columns("id", "integer"), "a")
	versions := latest
	versions.Versions, versions.Columns = true, latest.Columns.WithVersions()
	for name, test := range map[string]struct {
		now, wanted lake.Want
		effects     []string
	}{
		"OKVersions":        {versions, versions, nil},
		"OKLatest":          {latest, latest, nil},
		"ErrOnlyLatest":     {latest, versions, []string{"history: the latest rows, versions: fails"}},
		"ErrOnlyVersions":   {versions, latest, []string{"history: versions, the latest rows: fails"}},
		"OKMoreOfVersions":  {versions, lake.Want{Clients: []string{"a"}, Versions: true, Columns: columns("id", "integer", "x", "date").WithVersions(), PartitionBy: versions.PartitionBy}, []string{"column: , date: added"}},
		"OKOwnNamesOfRows":  {versions, lake.Want{Clients: []string{"a"}, Columns: versions.Columns, PartitionBy: latest.PartitionBy}, nil},
		"ErrOneOwnName":     {versions, lake.Want{Clients: []string{"a"}, Columns: columns("id", "integer", "valid_to", "timestamp"), PartitionBy: latest.PartitionBy}, []string{"history: versions, the latest rows: fails"}},
		"ErrWrongTypeOfOwn": {lake.Want{Columns: columns("id", "integer", "valid_from", "date", "valid_to", "date", "is_current", "boolean"), PartitionBy: latest.PartitionBy}, versions, []string{"type: date, timestamp: fails", "type: date, timestamp: fails"}},
	} {
		t.Run(name, func(t *testing.T) {
			var effects []string
			for _, d := range lake.Diff(&lake.Table{Columns: test.now.Columns, PartitionBy: test.now.PartitionBy}, central, []lake.Want{test.wanted}, nil) {
				if d.Subject != lake.SubjectComment {
					effects = append(effects, d.Subject+": "+d.Lake+", "+d.Source+": "+d.Effect)
				}
			}
			require.Equal(t, test.effects, effects)
			_, refused := lake.Combine(test.now.Columns, central, []lake.Want{test.wanted}, nil)
			require.Equal(t, name[:3] == "Err", len(refused) == 1)
		})
	}
}

func TestBatchesOfAHistorySayWhenTheyWereRead(t *testing.T) {
	b := table.Batch{Ref: central, Schema: columns("id", "integer"), History: table.HistoryOnly}
	_, err := lake.Evolve(nil, []table.Batch{b}, nil)
	require.ErrorIs(t, err, lake.ErrBatch)
	b.ReadAt = time.Now()
	both := b
	both.History = table.HistoryAlso
	_, err = lake.Evolve(nil, []table.Batch{both}, nil)
	require.ErrorContains(t, err, "two parts")
	schema, err := lake.Evolve(nil, []table.Batch{b}, nil)
	require.NoError(t, err)
	require.Equal(t, b.Schema.WithVersions(), schema)
	require.Len(t, b.Schema, 1)
}
