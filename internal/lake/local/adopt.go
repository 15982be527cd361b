package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tributary/internal/table"
)

// adoptBytes is how large a batch's files must be on average to become data files when there are several.
const adoptBytes = 4 << 20

// adopt makes data files of the staged files of batches that only add rows, without rewriting them: by hard link, so
// that the staged files stay for a retry. It is what makes a first load fast.
func (m *merge) adopt(ctx context.Context) error {
	for b, batch := range m.src.batches {
		if !m.adoptable(b) {
			continue
		}
		all, err := m.footers(ctx, batch)
		if err != nil {
			return err
		}
		for _, w := range all {
			add, err := moveIn(m.files, w, tenantValues(m.partitionBy, batch.Ref), m.src.keys, link)
			if err != nil {
				return fmt.Errorf("batch %s: %w", batch.ID, err)
			}
			m.made = append(m.made, add.LocalPath(m.table.Dir()))
			m.tx.Adds = append(m.tx.Adds, add)
		}
		m.adopted = append(m.adopted, b)
		m.results[b].Inserted = m.facts[b].rows
	}
	return nil
}

// adoptable says whether a batch's files can be data files as they are: their rows are new, unique and none is
// deleted, they are one partition's, and they have the table's columns with the table's types and no others.
func (m *merge) adoptable(b int) bool {
	batch, f := m.src.batches[b], m.facts[b]
	if f.rows == 0 || f.deletes > 0 || !f.unique || !tenantOnly(m.partitionBy) || m.hasCandidate(b) {
		return false
	}
	var bytes int64
	for _, file := range batch.Files {
		bytes += file.Bytes
	}
	n := int64(len(batch.Files))
	if n > 1 && bytes/n < adoptBytes || f.rows <= tailNewRows && m.smallFile(tenantValues(m.partitionBy, batch.Ref)) >= 0 {
		return false
	}
	for name, duck := range m.src.types[b] {
		i := m.schema.Find(name)
		if i < 0 || duckType(m.schema[i].Type) != duck || batch.Schema.Find(name) < 0 {
			return false
		}
	}
	return !slices.ContainsFunc(batch.Schema, func(c table.Column) bool { // Delta's readers find columns by exact name
		i := m.schema.Find(c.Name)
		return i < 0 || m.schema[i].Name != c.Name
	})
}

func (m *merge) hasCandidate(b int) bool {
	for _, add := range m.files.adds {
		stats, err := add.Statistics()
		if err != nil {
			stats = nil
		}
		if m.mayMeet(add, stats, b) {
			return true
		}
	}
	return false
}

// footers reads the rows and statistics of a batch's files from their Parquet footers.
func (m *merge) footers(ctx context.Context, batch table.Batch) ([]written, error) {
	paths := make([]string, len(batch.Files))
	for i, file := range batch.Files {
		paths[i] = stagedPath(m.dir, file.Path)
	}
	byPath := map[string]*written{}
	err := m.each(ctx, "SELECT file_name, num_rows FROM parquet_file_metadata("+literals(paths)+")", func(v []any) error {
		w := &written{path: v[0].(string), rows: integer(v[1]), stats: map[string]map[string]any{}}
		info, err := os.Stat(w.path)
		if err != nil {
			return err
		}
		w.bytes, byPath[w.path] = info.Size(), w
		return nil
	})
	if err != nil {
		return nil, err
	}
	var columns table.Schema
	for i, column := range m.schema {
		if (i < indexed || hasFold(m.src.keys, column.Name)) && batch.Schema.Find(column.Name) >= 0 {
			columns = append(columns, column)
		}
	}
	err = m.footerBounds(ctx, byPath, columns)
	all := make([]written, 0, len(paths))
	for _, path := range paths {
		if w := byPath[path]; w != nil && w.rows > 0 {
			all = append(all, *w)
		}
	}
	return all, err
}

// link makes a hard link, or a copy where the file system has none. The file is new from then on, however long it was staged: a vacuum
// would else take it for one that nobody refers to, before the commit does.
func link(from, to string) error {
	now := time.Now()
	if os.Chtimes(from, now, now) == nil && os.Link(from, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(to)) // a full disk may show only on closing
	}
	return nil
}

// Stage implements lake.Lake: the files move to a folder of the batch's own inside the lake.
func (l *Lake) Stage(ctx context.Context, batchID string, staged []table.File) ([]table.File, error) {
	folder, err := l.stagingFolder(batchID)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("stage batch %s: %w", batchID, l.explain(err))
	}
	moved := make([]table.File, len(staged))
	for i, file := range staged {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		moved[i] = file
		moved[i].Path = filepath.Join(folder, fmt.Sprintf("%05d.parquet", i))
		if err := moveFile(file.Path, moved[i].Path); err != nil {
			return nil, fmt.Errorf("stage batch %s: %w", batchID, l.explain(err))
		}
	}
	return moved, nil
}

// moveFile renames, or copies to another file system. It replaces what is at the new path by a new file: the old
// one may be a data file already. A file that an earlier call moved stays where it is.
func moveFile(from, to string) error {
	if from == to {
		return nil
	}
	if _, err := os.Stat(from); os.IsNotExist(err) {
		if _, staged := os.Stat(to); staged == nil {
			return nil
		}
	}
	err := os.Rename(from, to)
	if err == nil || os.IsNotExist(err) {
		return err
	}
	os.Remove(to)
	return copyFile(from, to)
}

// Unstage implements lake.Lake.
func (l *Lake) Unstage(_ context.Context, batchID string) error {
	folder, err := l.stagingFolder(batchID)
	if err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// Sweep implements lake.Lake. A run's batches are one folder, whose age is that of the newest file in it.
func (l *Lake) Sweep(_ context.Context, olderThan time.Duration) (removed int, err error) {
	staging := filepath.Join(l.dir, stagingDir)
	entries, err := os.ReadDir(staging)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	for _, entry := range entries {
		folder := filepath.Join(staging, entry.Name())
		if newest, err := newestIn(folder); err != nil || time.Since(newest) < olderThan {
			continue // touched meanwhile, or gone
		}
		if err := os.RemoveAll(folder); err != nil {
			return removed, fmt.Errorf("sweep: %w", err)
		}
		removed++
	}
	return removed, nil
}

// newestIn is when anything in a folder was last changed.
func newestIn(folder string) (newest time.Time, err error) {
	err = filepath.WalkDir(folder, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return err
	})
	return newest, err
}

func (l *Lake) stagingFolder(batchID string) (string, error) {
	if batchID == "" {
		return "", fmt.Errorf("stage: a batch needs an id")
	}
	folder := filepath.Join(l.dir, stagingDir)
	for part := range strings.SplitSeq(batchID, "/") {
		folder = filepath.Join(folder, folderName(part))
	}
	return folder, nil
}
