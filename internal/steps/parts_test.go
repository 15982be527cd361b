package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

const partsRows, partsFiles = 60_000, 3

// partsJob has three raw files, each large enough to be a part of its own.
func partsJob(t *testing.T) Job {
	t.Helper()
	job := newJob(t, []string{"n"}, "", "n long", "text string", "pad string")
	schema, err := arrowSchema(job.Plan.Schema())
	require.NoError(t, err)
	pad := strings.Repeat("x", partBytes*partsFiles/partsRows+10)
	for file := range partsFiles {
		var batches []arrow.RecordBatch
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range partsRows / partsFiles {
			n := file*partsRows/partsFiles + i
			b.Field(0).(*array.Int64Builder).Append(int64(n))
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprint(n % 7))
			b.Field(2).(*array.StringBuilder).Append(pad)
			if (i+1)%2000 == 0 {
				batches = append(batches, b.NewRecordBatch())
			}
		}
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.arrow", file))
		writeRaw(t, path, schema, batches...)
		info, err := os.Stat(path)
		require.NoError(t, err)
		job.Raw.Files, job.Raw.Bytes = append(job.Raw.Files, path), job.Raw.Bytes+info.Size()
	}
	job.Raw.Rows = partsRows
	return job
}

func TestLargeTablesAreDoneInParts(t *testing.T) {
	job := partsJob(t)
	pool := NewPool(filepath.Dir(job.Dir), Limits{}, 2)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	job.Pool = pool
	job.Salts = map[string]string{"env:SALT": "pepper"}
	job.Spec.Transform = []table.Transform{{Column: "text", Hash: "sha256", Salt: "env:SALT"}}
	job.Spec.Expect = []table.Rule{{Name: "text_not_3", That: "text <> '3'", Otherwise: table.Warn}}
	var seen int64
	job.Progress = func(rows int64) { assert.GreaterOrEqual(t, rows, seen); seen = rows }

	valid, err := Validate(context.Background(), job)
	require.NoError(t, err)
	require.Equal(t, table.Counts{Read: partsRows, Warned: 8571}, valid.Counts)
	require.Equal(t, int64(partsRows), seen) // one pass: the order of the ids proves that they differ
	seen = 0
	out, err := Transform(context.Background(), job, valid)
	require.NoError(t, err)

	t.Run("RowsStayInOrder", func(t *testing.T) {
		require.Len(t, out.Files, partsFiles)
		require.Equal(t, int64(partsRows), out.Rows)
		from := int64(0)
		for _, f := range out.Files {
			require.Equal(t, [][]string{{fmt.Sprint(f.Rows), "0"}}, query(t, fmt.Sprintf(
				"SELECT count(*), count(*) FILTER (WHERE n <> file_row_number + %d) FROM read_parquet('%s', file_row_number = true)", from, f.Path)))
			from += f.Rows
		}
	})
	t.Run("EveryPartHasTheSalt", func(t *testing.T) {
		require.Equal(t, [][]string{{"7", "true"}}, query(t, "SELECT count(DISTINCT text), bool_or(text = sha256('pepper3')) FROM read_parquet('"+
			filepath.Join(job.Dir, "clean", "*")+"')"))
	})
	t.Run("EnginesAreKept", func(t *testing.T) {
		require.Len(t, pool.lone, 2)
		seen = 0
		again, err := Transform(context.Background(), job, valid)
		require.NoError(t, err)
		require.Equal(t, out, again)
		require.Len(t, pool.lone, 2)
	})
	t.Run("AllPlacesAreFreeAgain", func(t *testing.T) {
		require.True(t, pool.slots.TryAcquire(2))
		pool.slots.Release(2)
	})
}

func TestTheTimeIsOneForAllParts(t *testing.T) {
	job := partsJob(t)
	job.Spec.Transform = []table.Transform{{Column: "text", SQL: "CAST(now() AS VARCHAR)"}}
	both(t, job)
	require.Equal(t, [][]string{{"1"}}, query(t, "SELECT count(DISTINCT text) FROM read_parquet('"+filepath.Join(job.Dir, "clean", "*")+"')"))
}

func TestPartsThatAreNotWholeAreErrRaw(t *testing.T) {
	job := partsJob(t)
	data, err := os.ReadFile(job.Raw.Files[1])
	require.NoError(t, err)
	for name, spoil := range map[string]func(t *testing.T, job *Job) error{
		"CutOff":  func(_ *testing.T, job *Job) error { return os.Truncate(job.Raw.Files[1], int64(len(data)/2)) },
		"Missing": func(_ *testing.T, job *Job) error { return os.Remove(job.Raw.Files[1]) },
		"Fewer":   func(_ *testing.T, job *Job) error { job.Raw.Files = job.Raw.Files[:2]; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(job.Raw.Files[1], data, 0o600))
			job := job
			require.NoError(t, spoil(t, &job))
			_, err := Validate(context.Background(), job)
			require.ErrorIs(t, err, ErrRaw)
			_, err = Transform(context.Background(), job, Validated{Counts: table.Counts{Read: partsRows}})
			require.ErrorIs(t, err, ErrRaw)
			require.NoDirExists(t, filepath.Join(job.Dir, "clean"))
		})
	}
}

func TestIDsThatAreTwiceAreFoundAcrossParts(t *testing.T) {
	job := partsJob(t)
	job.Raw.Files[2] = job.Raw.Files[0]
	valid, err := Validate(context.Background(), job)
	require.NoError(t, err)
	require.Equal(t, int64(partsRows/partsFiles), valid.Counts.Deduped+valid.Counts.Quarantined)
}
