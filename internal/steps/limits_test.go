package steps

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// wideJob has rows of random text ids, in no order, so that the engine must compare them all.
func wideJob(t *testing.T, rows, batch int, id func(i int) string) Job {
	t.Helper()
	job := newJob(t, []string{"id"}, "n", "id string", "n long", "text string")
	schema, err := arrowSchema(job.Plan.Schema())
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "0.arrow")
	file, err := os.Create(path)
	require.NoError(t, err)
	w := ipc.NewWriter(file, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for from := 0; from < rows; from += batch {
		for i := from; i < min(rows, from+batch); i++ {
			b.Field(0).(*array.StringBuilder).Append(id(i))
			b.Field(1).(*array.Int64Builder).Append(int64(i))
			b.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("%x", rand.Uint64()) + strings.Repeat("x", 100))
		}
		require.NoError(t, w.Write(b.NewRecordBatch()))
	}
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	job.Raw = table.Raw{Files: []string{path}, Rows: int64(rows), Bytes: info.Size()}
	return job
}

func scattered(i int) string { return fmt.Sprintf("%032x", uint64(i)*0x9E3779B97F4A7C15) }

func TestStepsSpillWhenATableIsLargerThanMemory(t *testing.T) {
	const rows = 600_000
	job := wideJob(t, rows, 10_000, func(i int) string { return scattered(i % (rows / 2)) }) // each id twice
	job.Limits = Limits{Memory: 64 << 20, Threads: 2}
	job.Dir = t.TempDir()

	valid, out := both(t, job)

	require.Greater(t, job.Raw.Bytes, job.Limits.Memory)
	require.Equal(t, table.Counts{Read: rows, Deduped: rows / 2}, valid.Counts)
	require.Equal(t, [][]string{{"300000", "300000", "300000", "599999"}},
		query(t, "SELECT count(*), count(DISTINCT id), min(n), max(n) FROM read_parquet('"+filepath.Join(job.Dir, "clean", "*")+"')"))
	require.Equal(t, int64(rows/2), out.Rows)
	require.NoDirExists(t, filepath.Join(job.Dir, "spill"))
}

func TestTransformKeepsTheOrderOfRowsOverFiles(t *testing.T) {
	const rows = fileRows + 300_000
	job := wideJob(t, rows, 8192, scattered)

	_, out := both(t, job)

	require.Len(t, out.Files, 2)
	from := int64(0)
	for _, f := range out.Files {
		require.Equal(t, [][]string{{fmt.Sprint(f.Rows), "0"}},
			query(t, fmt.Sprintf("SELECT count(*), count(*) FILTER (WHERE n <> file_row_number + %d) FROM read_parquet('%s', file_row_number = true)", from, f.Path)))
		from += f.Rows
		info, err := os.Stat(f.Path)
		require.NoError(t, err)
		require.Equal(t, info.Size(), f.Bytes)
	}
	require.Equal(t, int64(rows), from)
}

func TestStepsReportProgress(t *testing.T) {
	job := wideJob(t, 50_000, 5_000, scattered)
	var seen []int64
	job.Progress = func(rows int64) { seen = append(seen, rows) }
	valid, err := Validate(context.Background(), job)
	require.NoError(t, err)
	require.Equal(t, int64(100_000), seen[len(seen)-1]) // the rules, and then the ids
	seen = nil
	_, err = Transform(context.Background(), job, valid)
	require.NoError(t, err)
	require.Len(t, seen, 10)
	require.IsIncreasing(t, seen)
	require.Equal(t, int64(50_000), seen[9])
}

func TestStepsStopWhenCancelled(t *testing.T) {
	job := wideJob(t, 400_000, 5_000, scattered)
	for name, step := range map[string]func(context.Context, Job) error{
		"Validate": func(ctx context.Context, job Job) error { _, err := Validate(ctx, job); return err },
		"Transform": func(ctx context.Context, job Job) error {
			_, err := Transform(ctx, job, Validated{Counts: table.Counts{Read: job.Raw.Rows}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			job.Progress = func(rows int64) {
				if rows >= 50_000 {
					cancel()
				}
				require.Less(t, rows, int64(200_000))
			}
			require.ErrorIs(t, step(ctx, job), context.Canceled)
			require.NoDirExists(t, filepath.Join(job.Dir, "clean"))
		})
	}
}

func TestTransformOnAFullDiskLeavesNothingAndSaysSo(t *testing.T) {
	job := wideJob(t, 300_000, 10_000, scattered)
	job.Dir = t.TempDir()
	full := filepath.Join(job.Dir, "clean")
	valid := Validated{Counts: table.Counts{Read: job.Raw.Rows}}
	limitFiles(t, 1<<20)
	_, err := Transform(context.Background(), job, valid)
	require.Error(t, err)
	require.False(t, errors.Is(err, ErrRaw) || errors.Is(err, ErrExpression), "%v", err)
	require.NoDirExists(t, full)
}

// limitFiles makes every write beyond that many bytes of a file fail, as on a full disk.
func limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ) // or a write by a thread of DuckDB's ends the process
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}))
	t.Cleanup(func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) })
}

func TestOrderCheckProvesOnlyWhatIsTrue(t *testing.T) {
	for name, test := range map[string]struct {
		batches [][]int
		want    bool
	}{
		"Ascending":    {[][]int{{-3, -1, 0, 5}, {6, 7}}, true},
		"RangesApart":  {[][]int{{10, 11}, {1, 2}, {5, 6}}, true},
		"Equal":        {[][]int{{1, 2, 2}}, false},
		"EqualAcross":  {[][]int{{1, 2}, {2, 3}}, false},
		"SameRow":      {[][]int{{5, 6}, {1, 5}}, false},
		"Overlapping":  {[][]int{{1, 9}, {2, 3}}, false}, // unique, but not proven
		"NothingAtAll": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			schema := table.Schema{{Name: "id", Type: table.Long}}
			arrows, err := arrowSchema(schema)
			require.NoError(t, err)
			o := newOrderCheck(schema, []string{"id"})
			for _, batch := range test.batches {
				b := array.NewRecordBuilder(memory.DefaultAllocator, arrows)
				for _, value := range batch {
					b.Field(0).(*array.Int64Builder).Append(int64(value))
				}
				o.observe(b.NewRecordBatch())
			}
			require.Equal(t, test.want, o.unique())
		})
	}
}

func TestOrderCheckKeysCompareAsTheirValues(t *testing.T) {
	schema := table.Schema{{Name: "d", Type: table.Decimal(38, 2)}, {Name: "s", Type: table.String}, {Name: "b", Type: table.Byte}}
	arrows, err := arrowSchema(schema)
	require.NoError(t, err)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrows)
	for _, row := range [][]any{{"-99999999999999999999.00", "", 1}, {"-1", "z", 1}, {"0", "", -1}, {"0", "", 1}, {"0", "\x00", 0}, {"0", "\x00\x00", 0}, {"0", "\x00a", 0},
		{"0", "a", 0}, {"0", "a\x00", 0}, {"0", "aa", 0}, {"18446744073709551616", "", 0}} {
		for i, value := range row {
			appendValue(t, b.Field(i), value)
		}
	}
	o := newOrderCheck(schema, []string{"d", "s", "b"})
	o.observe(b.NewRecordBatch())
	require.Len(t, o.runs, 1)
	require.True(t, o.unique())
}

func TestOrderCheckGivesUpOnNullsAndFloats(t *testing.T) {
	for _, field := range []arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "id", Type: arrow.PrimitiveTypes.Float64, Nullable: true}} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{field}, nil))
		b.Field(0).AppendNull()
		o := newOrderCheck(table.Schema{{Name: "id"}}, []string{"id"})
		o.observe(b.NewRecordBatch())
		require.False(t, o.unique())
	}
}
