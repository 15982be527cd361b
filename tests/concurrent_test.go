package tests

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

const writerVariable = "TRIBUTARY_TEST_WRITER" // makes the test binary a writer: itself, as JSON

const (
	writers      = 8
	writerRounds = 2
	writerRows   = 100 // of a batch
)

// writer merges batches of one client into two tables, as a worker's lake does. Batches overlap by half; those of a later
// round, or of a writer with a higher number, are newer.
type writer struct {
	Number                int
	URL, Staging, Scratch string
	Schema                string
}

// client is the writer's own for the first half, and shared by two for the others.
func (w writer) client() string {
	if w.Number < writers/2 {
		return fmt.Sprintf("own %d", w.Number)
	}
	return fmt.Sprintf("shared %d", w.Number/2)
}

func (w writer) cursor(round int) int { return round*writers + w.Number }

func (w writer) firstID(round int) int { return round * writerRows / 2 }

// merge merges the rounds of a writer, the last first where its number is odd.
func (w writer) merge(ctx context.Context) (err error) {
	l, err := open.Lake(ctx, config.Lake{Kind: config.LakeSpark, URL: w.URL, Staging: w.Staging, StatementTimeout: 10 * time.Minute})
	if err != nil {
		return err
	}
	defer l.Close()
	for i := range writerRounds {
		round := i
		if w.Number%2 == 1 {
			round = writerRounds - 1 - i
		}
		for name, partitions := range map[string][]string{"flat": {}, "parted": {table.RegionColumn, table.ClientColumn}} {
			batch, err := w.stage(ctx, l, round, name)
			if err != nil {
				return err
			}
			batch.PartitionBy = partitions
			if _, err := l.Merge(ctx, []table.Batch{batch}); err != nil {
				return fmt.Errorf("writer %d, round %d: %w", w.Number, round, err)
			}
		}
	}
	return nil
}

func (w writer) stage(ctx context.Context, l lake.Lake, round int, name string) (table.Batch, error) {
	id := fmt.Sprintf("%s-%d-%d", name, w.Number, round)
	path := filepath.Join(w.Scratch, id+".parquet")
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return table.Batch{}, err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, fmt.Sprintf("COPY (SELECT range + %d AS id, %d::BIGINT AS n, %s AS client_id, 'eu' AS region FROM range(%d)) TO %s (FORMAT parquet)",
		w.firstID(round), w.cursor(round), table.Literal(w.client()), writerRows, table.Literal(path)))
	if err != nil {
		return table.Batch{}, err
	}
	staged, err := l.Stage(ctx, id, []table.File{{Path: path, Rows: writerRows, Bytes: 1}})
	return table.Batch{
		ID: id, Ref: table.Ref{Sync: "daily", Client: w.client(), Region: "eu", Schema: w.Schema, Table: name},
		Schema: table.Schema{{Name: "id", Type: table.Long}, {Name: "n", Type: table.Long}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}},
		Keys:   []string{"id"}, Cursor: "n", Window: table.Window{Kind: table.CursorInteger, Low: "0"}, Files: staged, Rows: writerRows,
	}, err
}

// runWriter is the test binary as a writer.
func runWriter(text string) error {
	var w writer
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return err
	}
	return w.merge(context.Background())
}

func (w writer) process(ctx context.Context) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), writerVariable+"="+string(text)), os.Stderr
	return cmd.Run()
}

func TestEightWritersOfOneSparkTableLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	g, schema := newGate(t, spark.URL), spark.Schema(t)
	all, ctx := errgroup.WithContext(t.Context())
	newest := map[string]map[int]int{} // by client and id
	for number := range writers {
		w := writer{Number: number, URL: g.URL, Schema: schema, Staging: filepath.Join(spark.Dir, "staging"), Scratch: t.TempDir()}
		if number%4 == 3 { // one with a client of its own, one that shares
			all.Go(func() error { return w.process(ctx) })
		} else {
			all.Go(func() error { return w.merge(ctx) })
		}
		w.expect(newest)
	}
	require.NoError(t, all.Wait())

	l, err := open.Lake(t.Context(), config.Lake{Kind: config.LakeSpark, URL: g.URL, Staging: filepath.Join(spark.Dir, "staging")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	statements := 0
	for _, name := range []string{"flat", "parted"} {
		statements += g.count("MERGE INTO `" + schema + "`.`" + name + "`")
		got, rows := map[string]map[int]int{}, 0
		for _, line := range queryText(t, l, schema, "select id, n, client_id from "+name) {
			var id, n int
			cells := strings.SplitN(line, "|", 3)
			_, err := fmt.Sscan(cells[0]+" "+cells[1], &id, &n)
			require.NoError(t, err, line)
			put(got, cells[2], id, n)
			rows++
		}
		require.Equal(t, newest, got, "%s: every row is there, as the newest batch has it", name)
		require.Equal(t, count(newest), rows, "%s: no row twice", name)
		require.Equal(t, rows, inserted(t, l, schema, name), "%s: by its history, each was inserted once", name)
	}
	require.Greater(t, statements, 2*writers*writerRounds, "some merge lost a race and was tried again")
}

func (w writer) expect(newest map[string]map[int]int) {
	for round := range writerRounds {
		for i := range writerRows {
			id := w.firstID(round) + i
			put(newest, w.client(), id, max(newest[w.client()][id], w.cursor(round)))
		}
	}
}

func put(all map[string]map[int]int, client string, id, n int) {
	if all[client] == nil {
		all[client] = map[int]int{}
	}
	all[client][id] = n
}

func count(all map[string]map[int]int) (n int) {
	for _, rows := range all {
		n += len(rows)
	}
	return n
}

// inserted is how many rows a table's merges have inserted, by its history.
func inserted(t *testing.T, l lake.Lake, schema, name string) (rows int) {
	t.Helper()
	commits, err := l.History(t.Context(), schema, name, 0)
	require.NoError(t, err)
	for _, commit := range commits {
		if commit.Operation == "MERGE" {
			n, err := strconv.Atoi(commit.Metrics["numTargetRowsInserted"])
			require.NoError(t, err)
			rows += n
		}
	}
	return rows
}
