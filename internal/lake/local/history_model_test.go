package local

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// The model of a table of versions: for each client and id, in order. It is written apart from the SQL, from what the guide says.
type modelRow struct {
	value   string
	cursor  *int64 // µs, or any number where the cursor is no time
	deleted bool
}

type modelVersion struct {
	modelRow
	from, to int64 // µs; to is 0 while it is valid
}

type modelKey struct {
	client string
	id     int
}

type model struct {
	timed    bool // cursors are times
	versions map[modelKey][]modelVersion
}

// later is the first of the row's time and the time of reading that is after t, and at the least the next microsecond.
func (m *model) later(cursor *int64, readAt, t int64) int64 {
	if m.timed && cursor != nil && *cursor > t {
		return *cursor
	}
	return max(readAt, t+1)
}

// see brings in one row, nil when it is gone, and returns how many versions began and ended.
func (m *model) see(key modelKey, row *modelRow, readAt int64) (began, ended int64) {
	all := m.versions[key]
	var last *modelVersion
	if len(all) > 0 {
		last = &all[len(all)-1]
	}
	var cursor *int64
	if row != nil {
		cursor = row.cursor
	}
	switch {
	case last != nil && last.to == 0:
		older := cursor != nil && last.cursor != nil && *cursor < *last.cursor
		gone := row == nil || row.deleted
		if older || !gone && last.value == row.value && equalCursors(last.cursor, cursor) {
			return 0, 0
		}
		last.to = m.later(cursor, readAt, last.from)
		if gone {
			return 0, 1
		}
		m.versions[key] = append(all, modelVersion{modelRow: *row, from: last.to})
		return 1, 1
	case row == nil || row.deleted:
		return 0, 0
	case m.timed && cursor != nil && (last == nil || *cursor >= last.to):
		m.versions[key] = append(all, modelVersion{modelRow: *row, from: *cursor})
	case last == nil || readAt > last.to:
		m.versions[key] = append(all, modelVersion{modelRow: *row, from: readAt})
	default:
		return 0, 0
	}
	return 1, 0
}

func equalCursors(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }

// lines are the model's versions as the table's query has them.
func (m *model) lines() []string {
	var all []string
	for key, versions := range m.versions {
		for _, v := range versions {
			to := "NULL"
			if v.to != 0 {
				to = fmt.Sprint(v.to)
			}
			all = append(all, fmt.Sprintf("%s %d %s %d %s %t", key.client, key.id, v.value, v.from, to, v.to == 0))
		}
	}
	slices.Sort(all)
	return all
}

// modelRun is a table, its model, and chance.
type modelRun struct {
	*testing.T
	*rand.Rand
	model
	lake        *Lake
	cursor      string // its type: "timestamp", "long", or "" without one
	partitionBy []string
	next        int
	clock       int64
}

// Few ids and times, so that they meet often.
const (
	modelBegin = 1_700_000_000_000_000
	modelIDs   = 5
)

func TestVersionsAreThoseOfTheModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	l, err := Open(t.Context(), Options{Dir: t.TempDir(), Threads: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	layouts := [][]string{nil, {}, {table.ClientColumn, table.IsCurrent}, {table.RegionColumn, "v"}}
	for i, cursor := range []string{"timestamp", "timestamp", "long", ""} {
		t.Run(fmt.Sprint(i, cursor), func(t *testing.T) {
			r := &modelRun{T: t, Rand: rand.New(rand.NewPCG(seed, uint64(i))), lake: l, cursor: cursor, partitionBy: layouts[i], clock: modelBegin,
				model: model{timed: cursor == "timestamp", versions: map[modelKey][]modelVersion{}}}
			for range 20 {
				r.round()
			}
		})
	}
}

// round merges batches of some clients, some of them twice, and compares the table with the model.
func (r *modelRun) round() {
	r.clock += r.Int64N(6)
	var batches []table.Batch
	var want []lake.MergeResult
	for _, client := range []string{"acme", "globex", "initech"}[:1+r.IntN(3)] {
		b, counts := r.batch(client)
		batches, want = append(batches, b), append(want, counts)
	}
	got, err := r.lake.Merge(r.Context(), batches)
	require.NoError(r, err)
	for i := range got {
		want[i].Version, want[i].Group = got[i].Version, len(batches)
		require.Equal(r, want[i], got[i])
	}
	require.Equal(r, r.lines(), r.table())
	if r.IntN(4) == 0 {
		again, err := r.lake.Merge(r.Context(), batches)
		require.NoError(r, err)
		require.Equal(r, got[0].Version, again[0].Version, "merged again, nothing changes")
	}
}

// batch makes a batch of a client, and brings it into the model.
func (r *modelRun) batch(client string) (table.Batch, lake.MergeResult) {
	readAt := r.clock - r.Int64N(5)
	rows, kept := map[int]*modelRow{}, map[int]bool{}
	for range r.IntN(8) {
		row := &modelRow{value: string(rune('a' + r.IntN(3))), deleted: r.IntN(5) == 0}
		if r.cursor != "" && r.IntN(6) > 0 {
			c := readAt - r.Int64N(6)
			row.cursor = &c
		}
		rows[r.IntN(modelIDs)] = row
	}
	reload := r.IntN(3) == 0
	for id := range modelIDs {
		kept[id] = reload && r.IntN(3) > 0
	}
	var counts lake.MergeResult
	for id := range modelIDs {
		if row := rows[id]; row != nil || reload && !kept[id] {
			began, ended := r.see(modelKey{client, id}, row, readAt)
			counts.Inserted, counts.Updated = counts.Inserted+began, counts.Updated+ended
		}
	}
	r.next++
	b := table.Batch{
		ID: fmt.Sprintf("%s-%d", r.Name(), r.next), Ref: table.Ref{Client: client, Region: "eu", Schema: "central", Table: r.Name()},
		Schema: table.Schema{{Name: "id", Type: table.Long}, {Name: "v", Type: table.String}, {Name: "deleted", Type: table.Boolean},
			{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}},
		Keys: []string{"id"}, Deleted: "deleted", Reload: reload, PartitionBy: r.partitionBy,
		History: table.HistoryOnly, ReadAt: time.UnixMicro(readAt),
	}
	if r.cursor != "" {
		b.Schema, b.Cursor = append(b.Schema, table.Column{Name: "c", Type: table.Type(r.cursor)}), "c"
	}
	b.Files = r.stage(b, rows)
	b.Rows = b.Files[0].Rows
	if reload {
		b.Kept = r.stageKept(b, kept)
	}
	return b, counts
}

// stage writes a batch's rows, and before some of them an older version of the row, which does not count.
func (r *modelRun) stage(b table.Batch, rows map[int]*modelRow) []table.File {
	lines := []string{"(-1, '', NULL, true)"}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		cursor := "NULL"
		if c := rows[id].cursor; c != nil {
			cursor = fmt.Sprint(*c)
			if r.IntN(3) == 0 {
				lines = append(lines, fmt.Sprintf("(%d, 'older', %d, %t)", id, *c-1, r.IntN(2) == 0))
			}
		}
		lines = append(lines, fmt.Sprintf("(%d, '%s', %s, %t)", id, rows[id].value, cursor, rows[id].deleted))
	}
	cursor := map[string]string{"timestamp": ", make_timestamp(c::BIGINT)::TIMESTAMPTZ AS c", "long": ", c::BIGINT AS c", "": ""}[r.cursor]
	return r.copy(b.ID, fmt.Sprintf("SELECT id::BIGINT AS id, v, deleted, '%s' AS client_id, 'eu' AS region%s FROM (VALUES %s) x(id, v, c, deleted) WHERE id >= 0",
		b.Ref.Client, cursor, strings.Join(lines, ", ")), len(lines)-1)
}

func (r *modelRun) stageKept(b table.Batch, kept map[int]bool) []table.File {
	lines := []string{"(99)"}
	for id, is := range kept {
		if is {
			lines = append(lines, fmt.Sprintf("(%d)", id))
		}
	}
	return r.copy(b.ID+"/kept", "SELECT id::BIGINT AS id FROM (VALUES "+strings.Join(lines, ", ")+") x(id)", len(lines))
}

func (r *modelRun) copy(batchID, query string, rows int) []table.File {
	path := filepath.Join(r.TempDir(), "rows.parquet")
	_, err := r.lake.db.ExecContext(r.Context(), "COPY ("+query+") TO "+table.Literal(path)+" (FORMAT parquet)")
	require.NoError(r, err)
	files, err := r.lake.Stage(r.Context(), batchID, []table.File{{Path: path, Rows: int64(rows)}})
	require.NoError(r, err)
	return files
}

// table is what the table has.
func (r *modelRun) table() []string {
	rows, err := r.lake.Query(r.Context(), "central", fmt.Sprintf("SELECT concat_ws(' ', client_id, id, v, epoch_us(valid_from), coalesce(epoch_us(valid_to)::VARCHAR, 'NULL'), is_current) FROM %s",
		quote(r.Name())), lake.At{})
	require.NoError(r, err)
	defer func() { require.NoError(r, rows.Close()) }()
	var all []string
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		all = append(all, row[0].(string))
	}
	require.NoError(r, rows.Err())
	slices.Sort(all)
	return all
}
