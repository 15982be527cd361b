package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2" // makes the changes

	"tributary/config"
	"tributary/internal/lake/open"
	"tributary/internal/table"
)

// mergeArg is what a merging child is told.
type mergeArg struct {
	Lake    string `json:"lake"`    // folder of the lake
	Table   string `json:"table"`   // folder of its table orders
	Changes string `json:"changes"` // Parquet file
}

// merge measures merging 100,000 rows (half new, half spread over the whole table) into orders, against delta-rs: into a
// table with deletion vectors, and into one of the protocol that every reader knows.
func (b *bench) merge(ctx context.Context) (err error) {
	server, err := b.orders(b.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	for _, kind := range []struct {
		name, sync string
		goal       float64
	}{
		{"merge", vectorsSync, 1 / 3.0},
		{"merge_without_vectors", ordersSync, 0},
	} {
		loaded := filepath.Join(b.dir, kind.name+"-loaded")
		if _, err := b.load(ctx, server, loaded, kind.sync); err != nil {
			return err
		}
		if err := b.mergeRuns(ctx, kind.name, loaded, kind.goal); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) mergeRuns(ctx context.Context, name, loaded string, goal float64) error {
	changes := filepath.Join(b.dir, "changes.parquet")
	if err := makeChanges(ctx, filepath.Join(loaded, "lake", "central", "orders"), changes, b.rows); err != nil {
		return err
	}
	var ratios, ours, theirs, peaks, theirPeaks []float64
	for run := range b.runs {
		us, err := b.mergeOnce(ctx, loaded, changes, func(arg string) (measured, error) { return child(ctx, "merge", arg) })
		if err != nil {
			return err
		}
		them, err := b.mergeOnce(ctx, loaded, changes, func(arg string) (measured, error) { return deltaRS(ctx, arg) })
		if err != nil {
			return err
		}
		notef("%s, run %d: ours %.2f s, %.0f MiB; delta-rs %.2f s, %.0f MiB", name, run+1, us.Seconds, us.Peak, them.Seconds, them.Peak)
		ratios = append(ratios, us.Seconds/them.Seconds)
		ours, theirs = append(ours, us.Seconds), append(theirs, them.Seconds)
		peaks, theirPeaks = append(peaks, us.Peak), append(theirPeaks, them.Peak)
	}
	return errors.Join(
		report(name+"_vs_delta_rs", median(ratios), "x", goal),
		report(name+"_seconds", median(ours), "s", 0),
		report(name+"_delta_rs_seconds", median(theirs), "s", 0),
		report(name+"_peak_memory", median(peaks), "MiB", 0),
		report(name+"_delta_rs_peak_memory", median(theirPeaks), "MiB", 0))
}

// mergeOnce gives the merger a copy of the lake of its own.
func (b *bench) mergeOnce(ctx context.Context, loaded, changes string, merge func(arg string) (measured, error)) (measured, error) {
	copied := filepath.Join(b.dir, "merge")
	if err := os.RemoveAll(copied); err != nil {
		return measured{}, fmt.Errorf("remove the last copy: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "cp", "-r", filepath.Join(loaded, "lake"), copied).CombinedOutput(); err != nil {
		return measured{}, fmt.Errorf("copy the lake: %w: %s", err, out)
	}
	arg, err := json.Marshal(mergeArg{Lake: copied, Table: filepath.Join(copied, "central", "orders"), Changes: changes})
	if err != nil {
		return measured{}, fmt.Errorf("say what to merge: %w", err)
	}
	return merge(string(arg))
}

func makeChanges(ctx context.Context, tableDir, into string, rows int) (err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("open DuckDB: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	files := table.Literal(tableDir + "/**/*.parquet")
	_, err = db.ExecContext(ctx, fmt.Sprintf(`copy (
		select * replace ((amount + 1)::decimal(12,2) as amount, updated_at + interval 20 year as updated_at) from read_parquet(%[1]s, hive_partitioning = false) where id %% %[2]d = 0
		union all by name
		select * replace ((id + %[3]d)::decimal(20,0) as id) from read_parquet(%[1]s, hive_partitioning = false) where id <= %[4]d
		) to %[5]s (format parquet)`, files, rows/50_000, rows, 50_000, table.Literal(into)))
	if err != nil {
		return fmt.Errorf("make the changes: %w", err)
	}
	return nil
}

func deltaRS(ctx context.Context, arg string) (measured, error) {
	python := os.Getenv("TRIBUTARY_TEST_PYTHON")
	if python == "" {
		python = "python3"
	}
	return measure(exec.CommandContext(ctx, python, "tests/bench/merge.py", arg))
}

// runMerge merges as TableSync does.
func runMerge(ctx context.Context, text string) (err error) {
	var arg mergeArg
	if err := json.Unmarshal([]byte(text), &arg); err != nil {
		return fmt.Errorf("what to merge: %w", err)
	}
	l, err := open.Lake(ctx, config.Lake{Kind: config.LakeLocal, Path: arg.Lake, Memory: "1GB"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	described, err := l.Describe(ctx, "central", "orders")
	if err != nil {
		return err
	}
	clean := filepath.Join(arg.Lake, "changes.parquet") // a copy: staging may move it
	if err := os.Link(arg.Changes, clean); err != nil {
		return fmt.Errorf("copy the changes: %w", err)
	}
	staged, err := l.Stage(ctx, "bench/1", []table.File{{Path: clean, Rows: 100_000}})
	if err != nil {
		return err
	}
	batch := table.Batch{
		ID: "bench/1", Ref: table.Ref{Sync: "bench", Client: "acme", Region: "eu", Schema: "central", Table: "orders"},
		Schema: described.Columns, Keys: []string{"id"}, Cursor: "updated_at", Files: staged, Rows: 100_000,
		Window: table.Window{Kind: table.CursorTime}, PartitionBy: described.PartitionBy,
	}
	return timed(func() error {
		results, err := l.Merge(ctx, []table.Batch{batch})
		if err == nil && (results[0].Inserted != 50_000 || results[0].Updated != 50_000) {
			err = fmt.Errorf("merged %+v, want 50,000 inserted and 50,000 updated", results[0])
		}
		return err
	})
}
