package mariadb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

func TestBatchesAreBounded(t *testing.T) {
	t.Run("OK by rows", func(t *testing.T) {
		f := newFixture(t, "create table t (id int primary key, v int)", "insert into t select seq, seq * 3 from seq_1_to_40000")
		raw, err := f.try(table.Spec{Name: "t"}, "", "", "")
		require.NoError(t, err)
		var rows, sum int64
		f.batches(raw.Files[0], func(batch arrow.RecordBatch) {
			assert.LessOrEqual(t, batch.NumRows(), int64(batchRows))
			rows += batch.NumRows()
			for _, v := range batch.Column(1).(interface{ Int32Values() []int32 }).Int32Values() {
				sum += int64(v)
			}
		})
		assert.EqualValues(t, 40000, rows)
		assert.EqualValues(t, 3*40000*40001/2, sum)
		assert.EqualValues(t, 40000, raw.Rows)
	})
	t.Run("OK by bytes", func(t *testing.T) {
		f := newFixture(t, "create table t (id int primary key, v longblob)", "insert into t select seq, repeat(char(seq), 3000000) from seq_1_to_20")
		raw, err := f.try(table.Spec{Name: "t"}, "", "", "")
		require.NoError(t, err)
		var rows, batches int64
		f.batches(raw.Files[0], func(batch arrow.RecordBatch) {
			batches++
			assert.LessOrEqual(t, batch.NumRows(), int64(3))
			for i := range int(batch.NumRows()) {
				rows++
				assert.Len(t, batch.Column(1).(interface{ Value(int) []byte }).Value(i), 3000000)
			}
		})
		assert.EqualValues(t, 20, rows)
		assert.Greater(t, batches, int64(6))
		assert.Greater(t, raw.Bytes, int64(60_000_000))
	})
}

func TestFilesAreBoundedAndAddUp(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_1100000")
	var calls, last int64
	spec := table.Spec{Name: "t"}
	s := f.open()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "raw-00009.arrow"), []byte("of an earlier attempt"), 0o600))
	raw, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: dir, Progress: func(rows, bytes int64) {
		calls++
		assert.GreaterOrEqual(t, rows, last)
		assert.Equal(t, rows > 0, bytes > 0) // none yet, where the server is slow to begin
		last = rows
	}})
	require.NoError(t, err)
	require.Greater(t, len(raw.Files), 1)
	assert.Equal(t, raw.Files, leftovers(t, dir), "and nothing else")
	seen := make([]bool, 1100001)
	var onDisk int64
	for _, path := range raw.Files {
		info, err := os.Stat(path)
		require.NoError(t, err)
		onDisk += info.Size()
		f.batches(path, func(batch arrow.RecordBatch) {
			for _, id := range batch.Column(0).(interface{ Int32Values() []int32 }).Int32Values() {
				if seen[id] {
					t.Fatalf("row %d twice", id)
				}
				seen[id] = true
			}
		})
	}
	for id := 1; id < len(seen); id++ {
		if !seen[id] {
			t.Fatalf("row %d missing", id)
		}
	}
	assert.Equal(t, onDisk, raw.Bytes)
}

func TestProgressIsTold(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_1024")
	spec := table.Spec{Name: "t", Where: "sleep(0.0025) = 0"}
	s := f.open()
	var told []int64
	_, err := s.Extract(t.Context(), ExtractRequest{
		Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir(), Progress: func(rows, _ int64) { told = append(told, rows) },
	})
	require.NoError(t, err)
	assert.NotEmpty(t, told)
}

func TestNullabilityIsThePlans(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v int null, d date not null)", "insert into t values (1,1,'2024-01-01')")
	raw, err := f.try(table.Spec{Name: "t"}, "", "", "")
	require.NoError(t, err)
	f.batches(raw.Files[0], func(batch arrow.RecordBatch) {
		assert.False(t, batch.Schema().Field(0).Nullable)
		assert.True(t, batch.Schema().Field(1).Nullable)
		assert.True(t, batch.Schema().Field(2).Nullable, "zero dates become NULL")
	})
}

func TestSchemaThatChangedSinceThePlan(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v smallint not null, w int)", "insert into t values (1,2,3)")
	s := f.open()
	plan := f.plan(s, table.Spec{Name: "t"})
	extract := func() error {
		dir := t.TempDir()
		_, err := s.Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: plan, Dir: dir})
		assert.Empty(t, leftovers(t, dir))
		return err
	}
	f.exec("alter table t modify v int null", "update t set v = 70000")
	assert.ErrorIs(t, extract(), ErrAltered, "wider than planned")
	f.exec("update t set v = null")
	assert.ErrorIs(t, extract(), ErrAltered, "NULL in what was NOT NULL")
	f.exec("alter table t modify v varchar(9)", "update t set v = '1'")
	assert.ErrorIs(t, extract(), ErrAltered, "another type")
	f.exec("alter table t drop v")
	assert.ErrorIs(t, extract(), ErrAltered)
	f.exec("drop table t")
	assert.ErrorIs(t, extract(), ErrAltered)
}

func TestErrorsHoldNoValues(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v varchar(40) not null)", "insert into t values (1,'1')")
	s := f.open()
	plan := f.plan(s, table.Spec{Name: "t"})
	plan.Columns[1].Type, plan.Columns[1].SourceType = table.Decimal(9, 2), "decimal(9,2)"
	f.exec("update t set v = 'jane@example.com'")
	_, err := s.Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: plan, Dir: t.TempDir()})
	require.ErrorIs(t, err, ErrAltered)
	assert.NotContains(t, err.Error(), "jane")
}

// TestErrorInTheMiddleOfAResult fails at the server after rows were sent: they must not count.
func TestErrorInTheMiddleOfAResult(t *testing.T) {
	f := newFixture(t, "create table t (id bigint primary key)", "insert into t select seq from seq_1_to_50000")
	spec := table.Spec{Name: "t", Where: "id * 184467440737096 > 0"} // beyond bigint at 50,000 only
	s := f.open()
	dir := t.TempDir()
	raw, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: dir})
	require.ErrorIs(t, err, ErrQuery)
	assert.Zero(t, raw)
	assert.Empty(t, leftovers(t, dir))
}

// TestCancelKillsTheQueryAtTheServer uses a query that sends nothing, so that the server would not notice
// a closed connection, and a pool of one connection, which the query occupies.
func TestCancelKillsTheQueryAtTheServer(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_1000")
	f.client.Connections = 1
	s := f.open()
	spec := table.Spec{Name: "t", Where: "sleep(100) = 1"}
	plan := f.plan(s, spec)
	admin := server.Open(t, "")
	running := func() (n int) {
		require.NoError(t, admin.QueryRow("select count(*) from information_schema.processlist where db = ? and info like '%sleep(100)%'", f.database).Scan(&n))
		return n
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the run was cancelled")
	result := make(chan error, 1)
	dir := t.TempDir()
	go func() {
		_, err := s.Extract(ctx, ExtractRequest{Spec: spec, Plan: plan, Dir: dir})
		result <- err
	}()
	require.Eventually(t, func() bool { return running() == 1 }, 2*time.Minute, 20*time.Millisecond)
	cancel(why)
	select {
	case err := <-result:
		require.ErrorIs(t, err, why)
	case <-time.After(time.Minute):
		t.Fatal("Extract goes on after its context has ended")
	}
	assert.Eventually(t, func() bool { return running() == 0 }, 2*time.Minute, 20*time.Millisecond)
	assert.Empty(t, leftovers(t, dir))
	_, err := s.Ping(t.Context())
	require.NoError(t, err, "the pool has its connection back")
}

// TestCancelledInTheMiddleOfReading ends the context while rows stream.
func TestCancelledInTheMiddleOfReading(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_100000")
	s := f.open()
	spec := table.Spec{Name: "t", Where: "id < 5000 or sleep(0.001) = 0"}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Extract(ctx, ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir(), Progress: func(int64, int64) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
}

func TestConnectionCutWhileReadingIsAnErrorAndWorthARetry(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v varchar(200))", "insert into t select seq, repeat('x', 200) from seq_1_to_30000")
	spec := table.Spec{Name: "t"}
	plan := f.plan(f.open(), spec)
	var limit, passed atomic.Int64
	addr := cutting(t, address(f.client), &limit, &passed)
	f.client.Host, f.client.Port = addr.IP.String(), addr.Port
	for _, bytes := range []int64{5_000, 1_000_000, 5_000_000, 6_250_000} {
		limit.Store(bytes)
		dir := t.TempDir()
		raw, err := f.open().Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: dir})
		require.Error(t, err, "cut after %d bytes", bytes)
		for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue} {
			assert.NotErrorIs(t, err, permanent)
		}
		assert.Zero(t, raw)
		assert.Empty(t, leftovers(t, dir))
	}
	limit.Store(1 << 40)
	raw, err := f.open().Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: t.TempDir()})
	require.NoError(t, err)
	assert.EqualValues(t, 30000, raw.Rows)
}

// TestQueriesThatSomebodyEnds has a query, and a connection, ended at the server while rows stream.
func TestQueriesThatSomebodyEnds(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_100000")
	spec := table.Spec{Name: "t", Where: "id < 5000 or sleep(0.001) = 0"}
	for _, kill := range []string{"query", "connection"} {
		s, dir := f.open(), t.TempDir()
		var once sync.Once
		_, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: dir, Progress: func(int64, int64) {
			once.Do(func() {
				var id int
				require.NoError(t, server.Open(t, "").QueryRow("select id from information_schema.processlist where db = ? and info like '%sleep(0.001)%'", f.database).Scan(&id))
				server.Exec(t, fmt.Sprintf("kill %s %d", kill, id))
			})
		}})
		require.Error(t, err)
		assert.Regexp(t, `client "acme", table "t": the (source ended the query|connection to the server was cut)`, err.Error(), kill)
		for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue, ErrLimit} {
			assert.NotErrorIs(t, err, permanent)
		}
		assert.Empty(t, leftovers(t, dir))
	}
}

func TestScratchDisk(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t values (1)")
	t.Run("Err full", func(t *testing.T) {
		schema := arrowSchema([]table.SourceColumn{{Name: "v", Type: table.String}})
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		o := &output{dir: "/scratch", schema: schema, queue: make(chan arrow.RecordBatch, queued), done: make(chan struct{}), file: full}
		o.buffer = bufio.NewWriter(full)
		o.writer = ipc.NewWriter(o.buffer, ipc.WithSchema(schema))
		go o.run()
		c := newConverters(ExtractRequest{Plan: table.Plan{Columns: []table.SourceColumn{{Name: "v", Type: table.String}}}}, time.UTC, schema, &arrowfile.Pool{})
		require.NoError(t, c.bind([]field{{encoding: asBytes}}))
		row := appendLength([]byte{packetOK, 0}, 100000)
		row = append(row, strings.Repeat("x", 100000)...)
		for err = nil; err == nil; {
			require.NoError(t, c.append(row))
			batch, flushErr := c.flush()
			require.NoError(t, flushErr)
			err = o.send(batch)
		}
		require.ErrorIs(t, err, errStopped)
		err = o.close()
		require.ErrorIs(t, err, syscall.ENOSPC)
		assert.ErrorContains(t, err, "free space")
		assert.ErrorContains(t, err, "/scratch")
	})
	t.Run("Err not a folder", func(t *testing.T) {
		s := f.open()
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		_, err := s.Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: f.plan(s, table.Spec{Name: "t"}), Dir: path})
		require.ErrorContains(t, err, path)
	})
	t.Run("Err relative", func(t *testing.T) {
		s := f.open()
		_, err := s.Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: f.plan(s, table.Spec{Name: "t"}), Dir: "here"})
		require.ErrorContains(t, err, "absolute")
	})
}
