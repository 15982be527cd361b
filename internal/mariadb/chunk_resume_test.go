package mariadb

import (
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// interrupted is a table of which an attempt read some chunks before its connection was cut.
type interrupted struct {
	*fixture
	spec table.Spec
	plan table.Plan
	dir  string
	s    *Source  // over a connection that is not cut
	done []string // files of finished chunks
}

// interrupt reads 8,000 rows, of which about half come.
func interrupt(t *testing.T, spec table.Spec) *interrupted {
	t.Helper()
	i := &interrupted{spec: spec, dir: t.TempDir(), fixture: newFixture(t,
		"create table t (id int primary key, n int not null unique, v varchar(100) not null, at datetime(6) not null, key (at))",
		"insert into t select seq, seq, repeat('x', 100), date_add('2024-01-01', interval seq second) from seq_1_to_8000", "analyze table t")}
	i.client.Limits.TableConnections = 1
	i.s = i.inChunks(400)
	i.plan = i.fixture.plan(i.s, spec)
	_, err := i.cut(500_000)
	require.Error(t, err)
	m, err := readManifest(i.dir)
	if err == nil {
		for _, c := range m.Chunks {
			for _, f := range c.Files {
				i.done = append(i.done, filepath.Join(i.dir, f.Name))
			}
		}
	}
	return i
}

// cut runs an attempt whose connection is cut after so many bytes.
func (i *interrupted) cut(bytes int64) (table.Raw, error) {
	var limit, passed atomic.Int64
	limit.Store(bytes)
	client, to := i.client, cutting(i.T, address(i.client), &limit, &passed)
	i.client.Host, i.client.Port = to.IP.String(), to.Port
	s := i.inChunks(400)
	i.client = client
	s.client = client // as if it were the same server at the same address
	return s.Extract(i.Context(), i.request())
}

func (i *interrupted) request() ExtractRequest {
	return ExtractRequest{Spec: i.spec, Plan: i.plan, Dir: i.dir}
}

// again runs the next attempt, which must work, and returns how many chunks it read and how many there are.
func (i *interrupted) again(req ExtractRequest) (raw table.Raw, read, chunks int) {
	i.Helper()
	first := -1
	req.Chunks = func(done, total int) {
		if first < 0 {
			first = done
		}
		read, chunks = total-first, total
	}
	raw, err := i.s.Extract(i.Context(), req)
	require.NoError(i, err)
	return raw, read, chunks
}

// requireOnce requires the ids 1 to 8,000, each once.
func (i *interrupted) requireOnce(raw table.Raw) {
	i.Helper()
	next := int32(1)
	for _, path := range raw.Files {
		for _, id := range i.ints(path) {
			require.Equal(i, next, id)
			next++
		}
	}
	require.EqualValues(i, 8001, next)
	require.ElementsMatch(i, raw.Files, leftovers(i.T, i.dir)[1:], "the manifest, and nothing else")
}

var ofTime = table.Spec{Name: "t", Cursor: "at"}

func TestFinishedChunksAreNotReadAgain(t *testing.T) {
	i := interrupt(t, ofTime)
	require.Greater(t, len(i.done), 5)
	require.True(t, Resumable(i.dir))
	m, err := readManifest(i.dir)
	require.NoError(t, err)
	require.Equal(t, i.done, leftovers(t, i.dir)[1:], "of the chunk that was cut, nothing is left")
	require.NoError(t, os.WriteFile(filepath.Join(i.dir, "raw-00099-00000.arrow"), []byte("of a worker that was killed"), 0o600))

	i.exec("update t set v = 'changed', at = '2024-01-01' where id in (1, 8000)", "insert into t values (30000, 30000, '', utc_timestamp(6))")
	raw, read, chunks := i.again(i.request())
	assert.Equal(t, len(m.Chunks), chunks)
	assert.Equal(t, chunks-m.done(), read)
	assert.Equal(t, m.Raw.Window, raw.Window, "the window is the first attempt's")
	assert.Equal(t, m.Raw.Watermark, raw.Watermark)
	i.requireOnce(raw)
	rows := i.rows(raw)
	assert.NotContains(t, column(rows[:1], 2), "changed", "the first chunk was read before")
	changed := 0
	for _, row := range rows {
		if row[2] == "changed" {
			changed++
		}
	}
	assert.Equal(t, 1, changed)

	raw, read, _ = i.again(i.request())
	assert.Zero(t, read, "everything was read")
	i.requireOnce(raw)
	assert.Subset(t, raw.Files, i.done)
	i.plan.Watermark = raw.Watermark
	next, err := i.s.Extract(t.Context(), ExtractRequest{Spec: i.spec, Plan: i.plan, Dir: t.TempDir()})
	require.NoError(t, err)
	assert.EqualValues(t, 1, next.Rows, "what came while the first attempt ran")
}

func TestAttemptThatFailsBeforeItReadsKeepsFinishedChunks(t *testing.T) {
	i := interrupt(t, ofTime)
	_, err := i.cut(10)
	require.Error(t, err)
	require.Equal(t, i.done, leftovers(t, i.dir)[1:])
	raw, read, chunks := i.again(i.request())
	assert.Less(t, read, chunks)
	i.requireOnce(raw)
}

func TestDamagedChunksAreReadAgain(t *testing.T) {
	i := interrupt(t, ofTime)
	require.Greater(t, len(i.done), 4)
	require.NoError(t, os.Truncate(i.done[0], 1000))
	require.NoError(t, os.Remove(i.done[1]))
	content, err := os.ReadFile(i.done[2])
	require.NoError(t, err)
	content[len(content)/2] ^= 1
	require.NoError(t, os.WriteFile(i.done[2], content, 0o600))
	raw, read, chunks := i.again(i.request())
	assert.Equal(t, chunks-len(i.done)+3, read)
	i.requireOnce(raw)
}

func TestChunksOfAnythingElseAreNotTaken(t *testing.T) {
	for name, change := range map[string]func(i *interrupted, req *ExtractRequest){
		"another where": func(_ *interrupted, req *ExtractRequest) { req.Spec.Where = "id > 0" },
		"other columns": func(_ *interrupted, req *ExtractRequest) {
			req.Plan.Columns = slices.DeleteFunc(slices.Clone(req.Plan.Columns), func(c table.SourceColumn) bool { return c.Name == "v" })
		},
		"a backfill":     func(_ *interrupted, req *ExtractRequest) { req.To = "2030-01-01 00:00:00.000000" },
		"another zone":   func(_ *interrupted, req *ExtractRequest) { req.Spec.DatetimeZone = "Europe/Vienna" },
		"another server": func(i *interrupted, _ *ExtractRequest) { i.s.client.Host = "localhost" },
		"another key":    func(i *interrupted, _ *ExtractRequest) { i.exec("alter table t drop primary key, add primary key (n)") },
		"a manifest in two": func(i *interrupted, _ *ExtractRequest) {
			require.NoError(i, os.Truncate(filepath.Join(i.dir, manifestName), 100))
		},
		"a manifest with gaps": func(i *interrupted, _ *ExtractRequest) {
			m, err := readManifest(i.dir)
			require.NoError(i, err)
			m.Chunks = m.Chunks[1:]
			require.NoError(i, (&progressed{dir: i.dir, keep: true, m: m}).write())
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := interrupt(t, ofTime)
			req := i.request()
			change(i, &req)
			raw, read, chunks := i.again(req)
			assert.Equal(t, chunks, read)
			i.requireOnce(raw)
		})
	}
}

func TestReloadsBeginAnew(t *testing.T) {
	for name, spec := range map[string]table.Spec{"no cursor": {Name: "t"}, "snapshot": {Name: "t", Cursor: "at", Snapshot: true}} {
		t.Run(name, func(t *testing.T) {
			i := interrupt(t, spec)
			require.Empty(t, leftovers(t, i.dir))
			raw, read, chunks := i.again(i.request())
			assert.Equal(t, chunks, read)
			assert.Greater(t, chunks, 10)
			assert.EqualValues(t, 8000, raw.Rows)
			assert.Equal(t, raw.Files, leftovers(t, i.dir))
		})
	}
}
