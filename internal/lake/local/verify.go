package local

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"
	"golang.org/x/sync/errgroup"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

var _ lake.Verifier = (*Lake)(nil)

// Bounds of what one query of a verification returns: DuckDB hands a result over when it is whole.
const (
	sliceRows  = 122_880  // a row group as DuckDB writes it
	sliceBytes = 16 << 20 // in the file
	verifiers  = 2        // queries at once
)

// Checksums implements lake.Verifier.
func (l *Lake) Checksums(ctx context.Context, of lake.Fingerprint) (rowhash.Checksums, error) {
	total := of.Layout.NewChecksums()
	var mu sync.Mutex
	err := l.fingerprint(ctx, of, func(b rowhash.Batch, skip func(row int) bool) error {
		part := of.Layout.NewChecksums()
		if err := part.Add(of.Layout, b, skip); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		total.Merge(part)
		return nil
	})
	return total, err
}

// RowHashes implements lake.Verifier.
func (l *Lake) RowHashes(ctx context.Context, of lake.Fingerprint, part rowhash.Part, row func(key rowhash.Key, hash uint64) error) error {
	var mu sync.Mutex
	return l.fingerprint(ctx, of, func(b rowhash.Batch, skip func(row int) bool) error {
		mu.Lock()
		defer mu.Unlock()
		return of.Layout.Visit(b, skip, func(_ int, key []byte, hash uint64) error {
			if !part.Has(key) {
				return nil
			}
			return row(rowhash.Key(key), hash)
		})
	})
}

// CellHashes implements lake.Verifier.
func (l *Lake) CellHashes(ctx context.Context, of lake.Fingerprint, keys []rowhash.Key, row func(key rowhash.Key, cells []uint64) error) error {
	wanted := map[string]bool{}
	for _, key := range keys {
		wanted[string(key)] = true
	}
	var mu sync.Mutex
	return l.fingerprint(ctx, of, func(b rowhash.Batch, skip func(row int) bool) error {
		mu.Lock()
		defer mu.Unlock()
		return of.Layout.KeysOf(b, func(n int, key []byte) error {
			if !wanted[string(key)] || skip != nil && skip(n) {
				return nil
			}
			cells, err := of.Layout.Hasher.Cells(b.Arrays, n)
			if err != nil {
				return err
			}
			return row(rowhash.Key(key), cells)
		})
	})
}

// slice is some rows of a data file.
type slice struct {
	file     int // of files
	from, to int64
}

// hashed takes rows to be hashed, from several goroutines; nil skips none. Both are valid during the call.
type hashed func(b rowhash.Batch, skip func(row int) bool) error

// fingerprint calls batch with all rows that a fingerprint is of: those of Tributary's own files as they are there, and those of files that DuckDB
// has to bring into shape as it returns them.
func (l *Lake) fingerprint(ctx context.Context, of lake.Fingerprint, batch hashed) error {
	err := l.readAll(ctx, of, batch)
	if err != nil {
		err = fmt.Errorf("verify %s.%s at version %d: %w", of.Ref.Schema, of.Ref.Table, of.Version, l.explain(classify(err)))
	}
	return err
}

func (l *Lake) readAll(ctx context.Context, of lake.Fingerprint, batch hashed) error {
	f, err := l.filesAt(ctx, of.Ref.Schema, of.Ref.Table, lake.At{Version: &of.Version})
	if err != nil {
		return err
	}
	except, few, err := exceptKeys(ctx, l.dir, of)
	if err != nil {
		return err
	}
	var own, others []int
	for i, add := range f.adds {
		switch {
		case !f.mayHold(add, of.Ref):
		case few && f.plain(add, of):
			own = append(own, i)
		default:
			others = append(others, i)
		}
	}
	misfits, err := f.pick(own).hashOwn(ctx, of, except, batch)
	if err != nil {
		return err
	}
	for _, i := range misfits {
		others = append(others, own[i])
	}
	f = f.pick(others)
	slices := f.slices()
	if len(slices) == 0 {
		return nil
	}
	queue := make(chan slice, len(slices))
	for _, s := range slices {
		queue <- s
	}
	close(queue)
	return l.verifyQueue(ctx, f, of, queue, batch)
}

// verifyQueue has every verifier's queries run by its own thread, in an engine that has no others: who asks an engine with
// threads of its own for one row group waits, without sleep, for the thread that took the work from it.
func (l *Lake) verifyQueue(ctx context.Context, f files, of lake.Fingerprint, queue <-chan slice, batch hashed) (err error) {
	db := l.db
	if len(queue) > verifiers { // worth the start of an engine
		options := l.options
		options.Threads = 1
		if db, err = openDuckDB(ctx, options, joinAsWritten); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
	}
	group, ctx := errgroup.WithContext(ctx)
	for range min(verifiers, len(queue)) {
		group.Go(func() error {
			s, err := l.sessionOf(ctx, db)
			if err != nil {
				return err
			}
			defer s.close()
			return verifySlices(ctx, s, l.dir, f, of, queue, batch)
		})
	}
	return group.Wait()
}

// slices cuts the files into pieces of bounded size.
func (f files) slices() []slice {
	var all []slice
	for i, add := range f.adds {
		stats, err := delta.ParseStats(add.Stats)
		if err != nil || stats == nil || stats.NumRecords <= 0 { // not known: all at once
			all = append(all, slice{i, 0, -1})
			continue
		}
		rows := max(1024, min(sliceRows, sliceBytes/max(1, add.Size/stats.NumRecords)))
		for from := int64(0); from < stats.NumRecords; from += rows {
			all = append(all, slice{i, from, from + rows})
		}
		all[len(all)-1].to = -1 // whatever the statistics say
	}
	return all
}

func (f files) mayHold(add *delta.Add, ref table.Ref) bool {
	is := func(column, want string) bool {
		value := partitionValue(add, column)
		return !hasFold(f.partitionBy, column) || value != nil && *value == want
	}
	return is(table.RegionColumn, ref.Region) && is(table.ClientColumn, ref.Client)
}

func verifySlices(ctx context.Context, s *session, dir string, f files, of lake.Fingerprint, queue <-chan slice, batch hashed) error {
	if err := loadVectors(ctx, s.conn, &f); err != nil {
		return err
	}
	if len(of.Except) > 0 {
		if err := s.exec(ctx, "CREATE TEMP TABLE except_keys AS SELECT * FROM "+readFiles(dir, of.Except)); err != nil {
			return err
		}
	}
	columns := f.present(of.Layout.Hasher.Columns())
	for piece := range queue {
		if err := s.arrow(ctx, f.verifyQuery(of, columns, piece), func(b arrow.RecordBatch) error {
			return batch(arranged(b, columns), nil)
		}); err != nil {
			return err
		}
	}
	return nil
}

// present marks with false the columns that the table does not have: they are NULL.
func (f files) present(columns table.Schema) []bool {
	present := make([]bool, len(columns))
	for i, c := range columns {
		present[i] = f.schema.Find(c.Name) >= 0
	}
	return present
}

// verifyQuery selects the columns of the layout that the table has, as c0, c1, …
func (f files) verifyQuery(of lake.Fingerprint, present []bool, piece slice) string {
	names := []string{table.ClientColumn, table.RegionColumn}
	var selected []string
	for i, c := range of.Layout.Hasher.Columns() {
		if present[i] {
			selected = append(selected, fmt.Sprintf("%s AS c%d", quote(c.Name), i))
			names = append(names, c.Name)
		}
	}
	where := []string{fmt.Sprintf("%s = %s AND %s = %s", quote(table.ClientColumn), table.Literal(of.Ref.Client),
		quote(table.RegionColumn), table.Literal(of.Ref.Region)), fmt.Sprintf("__n >= %d", piece.from)}
	if piece.to >= 0 {
		where = append(where, fmt.Sprintf("__n < %d", piece.to))
	}
	if of.Current != "" {
		where, names = append(where, quote(of.Current)), append(names, of.Current)
	}
	if len(of.Except) > 0 {
		var same []string
		for _, key := range of.Layout.Keys.Columns() {
			same = append(same, fmt.Sprintf("e.%s = t.%[1]s", quote(key.Name)))
		}
		where = append(where, "NOT EXISTS (SELECT 1 FROM except_keys e WHERE "+strings.Join(same, " AND ")+")")
	}
	one := f.pick([]int{piece.file})
	return fmt.Sprintf("SELECT %s FROM (%s) t WHERE %s", strings.Join(selected, ", "), one.scan(f.existing(names), nil), strings.Join(where, " AND "))
}

// existing returns the table's columns of those names, each once.
func (f files) existing(names []string) []string {
	var found []string
	for _, name := range names {
		if i := f.schema.Find(name); i >= 0 && !slices.Contains(found, f.schema[i].Name) {
			found = append(found, f.schema[i].Name)
		}
	}
	return found
}

func arranged(b arrow.RecordBatch, present []bool) rowhash.Batch {
	out := rowhash.Batch{Arrays: make([]arrow.Array, len(present)), Rows: int(b.NumRows())}
	next := 0
	for i, is := range present {
		if is {
			out.Arrays[i] = b.Column(next)
			next++
		}
	}
	return out
}

// arrow calls batch with every record batch of a query; it is valid during the call.
func (s *session) arrow(ctx context.Context, query string, batch func(arrow.RecordBatch) error) error {
	return s.conn.Raw(func(raw any) error {
		conn, ok := raw.(driver.Conn)
		if !ok {
			return fmt.Errorf("unexpected connection %T", raw)
		}
		arrows, err := duckdb.NewArrowFromConn(conn)
		if err != nil {
			return err
		}
		reader, err := arrows.QueryContext(ctx, query)
		if err != nil {
			return classify(err)
		}
		defer reader.Release()
		for reader.Next() {
			if err := batch(reader.RecordBatch()); err != nil {
				return err
			}
		}
		return reader.Err()
	})
}
