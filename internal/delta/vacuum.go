package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// VacuumList returns the files that Vacuum would delete: absolute paths, in order.
func (t *Table) VacuumList(ctx context.Context, retention time.Duration, now time.Time) ([]string, error) {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	before := now.Add(-retention)
	dir, err := filepath.Abs(t.dir)
	if err != nil {
		return nil, fmt.Errorf("vacuum %s: %w", t.dir, err)
	}
	kept, err := t.keptFiles(ctx, s, dir, before)
	if err != nil {
		return nil, err
	}
	var doomed []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || path == dir {
			return err
		}
		if entry.IsDir() {
			if s.hidden(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || s.hidden(entry.Name()) || kept[path] {
			return nil
		}
		return appendOlder(&doomed, path, entry, before)
	})
	if err != nil {
		return nil, fmt.Errorf("vacuum %s: %w", t.dir, err)
	}
	leftovers, err := t.leftovers(before)
	return append(doomed, leftovers...), err
}

// Vacuum deletes the data files that neither the newest version nor one younger than the retention refers
// to, and that were last changed before the retention; and what writers that died left in the log folder. It returns how many files it
// deleted. Hidden files and folders (_ and .) are left alone. A retention shorter than the longest running
// transaction or query breaks these: their files count as unused.
func (t *Table) Vacuum(ctx context.Context, retention time.Duration, now time.Time) (int, error) {
	doomed, err := t.VacuumList(ctx, retention, now)
	if err != nil {
		return 0, err
	}
	deleted := 0
	for _, path := range doomed {
		if err := ctx.Err(); err != nil {
			return deleted, err
		}
		switch err := os.Remove(path); {
		case errors.Is(err, fs.ErrNotExist): // another vacuum was faster
		case err != nil:
			return deleted, fmt.Errorf("vacuum %s: %w", t.dir, err)
		default:
			deleted++
		}
	}
	return deleted, nil
}

// keptFiles returns the local paths of the files that must stay.
func (t *Table) keptFiles(ctx context.Context, s *Snapshot, dir string, before time.Time) (map[string]bool, error) {
	kept := make(map[string]bool, len(s.files))
	for _, a := range s.files {
		if filepath.IsAbs(localPath("", a.key)) {
			return nil, fmt.Errorf("%w: vacuum %s: the log names files by absolute paths (%s); vacuum it with the engine that wrote them", ErrProtocol, t.dir, a.Path)
		}
		kept[localPath(dir, a.key)] = true
		keepVector(kept, dir, a.DeletionVector)
	}
	for _, r := range s.tombstones {
		if r.DeletionTimestamp >= before.UnixMilli() {
			kept[localPath(dir, r.key)] = true
			keepVector(kept, dir, r.DeletionVector)
		}
	}
	set, err := s.Metadata.settings()
	if err == nil && before.After(time.Now().Add(-set.tombstoneRetention)) {
		return kept, nil
	}
	return kept, t.keepRemoved(ctx, s, before, func(r *Remove) {
		kept[localPath(dir, r.key)] = true
		keepVector(kept, dir, r.DeletionVector)
	})
}

// keepVector adds the file of a deletion vector to those that must stay.
func keepVector(kept map[string]bool, dir string, v *DeletionVector) {
	if v == nil {
		return
	}
	if path, err := v.file(dir); err == nil && path != "" { // one that names no file cannot be read, and so has none to keep
		kept[path] = true
	}
}

// keepRemoved adds the files that were removed since the time and whose tombstones a checkpoint
// has dropped, because the table keeps tombstones for less long than this vacuum's retention.
func (t *Table) keepRemoved(ctx context.Context, s *Snapshot, before time.Time, keep func(*Remove)) error {
	for v := s.Version; v >= 0; v-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := t.readCommit(v)
		if errors.Is(err, fs.ErrNotExist) || err == nil && c.timestamp.Before(before) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range c.files {
			if f.remove != nil && f.remove.DeletionTimestamp >= before.UnixMilli() {
				keep(f.remove)
			}
		}
	}
	return nil
}

// hidden says whether a name is not for data files. A partition folder is no hidden one, even when its column's name
// begins with an underscore.
func (s *Snapshot) hidden(name string) bool {
	if !strings.HasPrefix(name, "_") && !strings.HasPrefix(name, ".") {
		return false
	}
	for _, column := range s.Metadata.PartitionColumns {
		if strings.HasPrefix(name, escapeHive(column)+"=") || strings.HasPrefix(name, column+"=") {
			return false
		}
	}
	return true
}

// leftovers returns the temporary files of writers that died, ours and those of delta-rs and Spark.
func (t *Table) leftovers(before time.Time) ([]string, error) {
	entries, err := os.ReadDir(t.logDir())
	if err != nil {
		return nil, fmt.Errorf("vacuum %s: %w", t.dir, err)
	}
	var doomed []string
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".tmp") || !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_commit_") {
			continue
		}
		if err := appendOlder(&doomed, filepath.Join(t.logDir(), name), entry, before); err != nil {
			return nil, err
		}
	}
	return doomed, nil
}

func appendOlder(doomed *[]string, path string, entry fs.DirEntry, before time.Time) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.ModTime().Before(before) {
		*doomed = append(*doomed, path)
	}
	return err
}
