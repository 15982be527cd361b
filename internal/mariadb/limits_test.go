package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"tributary/internal/table"
)

func TestRowsPerSecondIsKept(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_40000", "analyze table t")
	f.client.Limits.RowsPerSecond = 1_000_000_000
	s := f.inChunks(5000)
	raw, _ := f.extract(s, table.Spec{Name: "t"}, t.TempDir())
	require.EqualValues(t, 40000, raw.Rows)
	require.Equal(t, 1_000_000_000, s.rate.Burst())

	s.rate = rate.NewLimiter(1e-9, 50000)
	raw, _ = f.extract(s, table.Spec{Name: "t"}, t.TempDir())
	require.EqualValues(t, 40000, raw.Rows)
	require.InDelta(t, 10000, s.rate.Tokens(), 1, "each row took one")
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	require.NoError(t, s.pace(ctx, 10000))
	require.ErrorContains(t, s.pace(ctx, 1), "rows_per_second")
}

func TestStatementsThatTakeTooLong(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime not null)", "insert into t select seq, '2024-01-01' from seq_1_to_2000", "analyze table t")
	spec := table.Spec{Name: "t", Where: "sleep(0.001) = 0"}
	plans := map[string]table.Plan{} // read without the limit, which a server that stalls has any statement exceed
	for _, cursor := range []string{"", "at"} {
		plans[cursor] = f.plan(f.open(), table.Spec{Name: "t", Where: spec.Where, Cursor: cursor})
	}
	f.client.Limits.MaxStatementTime = time.Second
	t.Run("Err in one piece", func(t *testing.T) {
		s := f.open()
		dir := t.TempDir()
		_, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plans[""], Dir: dir})
		require.ErrorIs(t, err, ErrLimit)
		require.ErrorContains(t, err, "limits.max_statement_time, which is 1s")
		require.Empty(t, leftovers(t, dir))
	})
	for _, cursor := range []string{"", "at"} {
		t.Run("OK in smaller chunks "+cursor, func(t *testing.T) {
			s := f.inChunks(1000)
			req := ExtractRequest{Spec: spec, Plan: plans[cursor], Dir: t.TempDir()}
			req.Spec.Cursor = cursor
			var chunks int
			req.Chunks = func(_, total int) { chunks = total }
			raw, err := s.Extract(t.Context(), req)
			for try := 1; try < 5 && errors.Is(err, ErrLimit); try++ { // a statement that is no chunk's met a server that stalled
				raw, err = s.Extract(t.Context(), req)
			}
			require.NoError(t, err)
			assert.EqualValues(t, 2000, raw.Rows)
			assert.Len(t, f.rows(raw), 2000)
			assert.Greater(t, chunks, 3, "chunks that took too long were cut")
		})
	}
}

func TestSizeOfChunksKeepsToTheStatementTime(t *testing.T) {
	size := tableSize{rows: 100_000_000, bytes: 20 << 30}
	assert.InDelta(t, 195_312, defaultChunking.rowsPerChunk(size, 0), 1000)
	assert.InDelta(t, 104_166, defaultChunking.rowsPerChunk(tableSize{rows: 10_000_000, bytes: 2 << 30}, 0), 1)
	assert.EqualValues(t, 900_000, defaultChunking.rowsPerChunk(tableSize{rows: 900_000, bytes: 100 << 20}, 0), "not worth cutting")
	assert.EqualValues(t, 50_000, defaultChunking.rowsPerChunk(size, 50_000))
	assert.InDelta(t, 24_400, defaultChunking.rowsPerChunk(size, 10), 100, "there is an end to it")
	assert.EqualValues(t, 1000, defaultChunking.rowsPerChunk(tableSize{rows: 1000, bytes: 1000}, 0))
	assert.EqualValues(t, 1, defaultChunking.rowsPerChunk(tableSize{}, 0))
	assert.EqualValues(t, 195_312, defaultChunking.rowsPerChunk(tableSize{rows: 100_000_000, bytes: 1 << 50}, 0), "no more than 512")
}

func TestLargeTablesKeepToTheHours(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime(6) not null)", "insert into t select seq, '2024-01-01' from seq_1_to_4000", "analyze table t")
	f.client.Limits = table.Limits{Hours: "22:00-06:00", TableConnections: 1}
	noon := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(s *Source, clock time.Time) { s.now = func() time.Time { return clock } }
	extract := func(ctx context.Context, s *Source, spec table.Spec, watermark string) error {
		plan := f.plan(s, spec)
		plan.Watermark = watermark
		_, err := s.Extract(ctx, ExtractRequest{Spec: spec, Plan: plan, Dir: t.TempDir()})
		return err
	}
	ofTime := table.Spec{Name: "t", Cursor: "at"}
	t.Run("Err outside", func(t *testing.T) {
		s := f.inChunks(1000)
		at(s, noon)
		err := extract(t.Context(), s, table.Spec{Name: "t"}, "")
		require.ErrorIs(t, err, ErrHours)
		require.ErrorContains(t, err, "22:00-06:00 UTC")
		require.ErrorContains(t, err, "2024-05-01T22:00:00Z")
	})
	t.Run("OK what is small, a window, and within", func(t *testing.T) {
		s := f.inChunks(1000)
		at(s, noon)
		require.NoError(t, extract(t.Context(), s, ofTime, "2024-01-02 00:00:00.000000"))
		at(s, noon.Add(11*time.Hour))
		require.NoError(t, extract(t.Context(), s, ofTime, ""))
		s = f.open()
		at(s, noon)
		require.NoError(t, extract(t.Context(), s, table.Spec{Name: "t"}, ""))
	})
	t.Run("OK it waits between chunks", func(t *testing.T) {
		s := f.inChunks(1000)
		s.db.SetMaxOpenConns(1)
		asked := 0
		lent := errors.New("nobody waited")
		s.now = func() time.Time { // within, and at the third chunk a moment before the next day's hours
			if asked++; asked < 5 || asked > 6 {
				return noon.Add(11 * time.Hour)
			}
			if asked == 6 { // the wait begins: another table has the only connection
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				lent = s.db.PingContext(ctx)
			}
			return noon.Add(10*time.Hour - 50*time.Millisecond)
		}
		plan := f.plan(s, ofTime)
		raw, err := s.Extract(t.Context(), ExtractRequest{Spec: ofTime, Plan: plan, Dir: t.TempDir()})
		require.NoError(t, err)
		require.EqualValues(t, 4000, raw.Rows)
		require.NoError(t, lent, "another table had the connection while this one waited")
		require.Greater(t, asked, 6)
	})
	t.Run("Err they begin again after the run's time", func(t *testing.T) {
		s := f.inChunks(1000)
		asked := 0
		s.now = func() time.Time {
			if asked++; asked < 5 {
				return noon.Add(11 * time.Hour)
			}
			return noon
		}
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
		defer cancel()
		s.now = func() time.Time {
			if asked++; asked < 5 {
				return time.Now().Truncate(24 * time.Hour).Add(23 * time.Hour)
			}
			return time.Now().Truncate(24 * time.Hour).Add(30 * time.Hour)
		}
		err := extract(ctx, s, ofTime, "")
		require.ErrorIs(t, err, ErrHours)
		require.ErrorContains(t, err, "chunks read")
	})
	t.Run("Err what cannot pause ends with them", func(t *testing.T) {
		s := f.inChunks(1000)
		at(s, noon.Add(18*time.Hour-50*time.Millisecond))
		err := extract(t.Context(), s, table.Spec{Name: "t", Where: "sleep(0.1) = 0"}, "") // for minutes
		require.ErrorIs(t, err, ErrHours)
		require.ErrorContains(t, err, "cannot be read in parts")
	})
}

func TestServerOutOfConnections(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime not null)", "insert into t select seq, '2024-01-01' from seq_1_to_4000", "analyze table t")
	one := f.reader("select", "alter user 'u"+f.database[len(f.database)-8:]+"'@'%' with max_user_connections 1")
	one.client.Limits.TableConnections = 4
	t.Run("OK with fewer", func(t *testing.T) {
		s := one.inChunks(500)
		s.db.SetConnMaxIdleTime(0) // the server counts a closed connection until it notices
		for _, cursor := range []string{"", "at"} {
			raw, chunks := one.extract(s, table.Spec{Name: "t", Cursor: cursor}, t.TempDir())
			assert.EqualValues(t, 4000, raw.Rows)
			assert.Greater(t, chunks, 4)
		}
		require.NoError(t, s.db.Close()) // which gives its connection back
	})
	t.Run("Err with none", func(t *testing.T) {
		plan := f.plan(f.open(), table.Spec{Name: "t"})
		s := one.open()
		var held *sql.Conn
		require.Eventually(t, func() bool { // as above
			var err error
			held, err = s.db.Conn(t.Context())
			return err == nil
		}, 2*time.Minute, 10*time.Millisecond)
		defer held.Close()
		_, err := one.open().Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: plan, Dir: t.TempDir()})
		require.ErrorContains(t, err, "no connection free")
		for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue, ErrLimit} {
			assert.NotErrorIs(t, err, permanent)
		}
	})
}
