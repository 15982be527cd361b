package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Table is a Delta table in a local folder. It is safe for concurrent use, keeps the newest snapshot and
// refreshes it with the commits that came since.
type Table struct {
	dir    string
	fault  func(stage string) error // tests fail or die here; nil otherwise
	commit chan struct{}            // held by the one committer of this process: processes race, goroutines wait

	mu     sync.Mutex
	cached *Snapshot
	file   fs.FileInfo // of cached's commit file: tells a table that was dropped and made anew

	times map[int64]time.Time // the timestamps in commit files, which never change; see VersionAsOf
}

// Open returns the table in folder dir, which need not exist yet. It does no I/O.
func Open(dir string) *Table {
	return &Table{dir: dir, commit: make(chan struct{}, 1), times: map[int64]time.Time{}}
}

// Dir returns the table's folder.
func (t *Table) Dir() string { return t.dir }

// Snapshot returns the table as it is now; ErrNotFound when there is none. Without a new commit it costs
// two file look-ups.
func (t *Table) Snapshot(ctx context.Context) (*Snapshot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok, err := t.refresh(ctx); ok || err != nil {
		return s, err
	}
	t.cached, t.file = nil, nil
	clear(t.times)
	s, err := t.load(ctx, -1)
	if err != nil {
		return nil, err
	}
	t.keep(s)
	return s, nil
}

// keep caches a snapshot, unless its commit file is gone: then only a full load can tell what became of the table.
func (t *Table) keep(s *Snapshot) {
	t.cached, t.file = nil, nil
	if info, err := os.Stat(t.commitPath(s.Version)); err == nil {
		t.cached, t.file = s, info
	}
}

// refresh brings the cached snapshot up to date; false when it is of no use any more.
func (t *Table) refresh(ctx context.Context) (*Snapshot, bool, error) {
	if t.cached == nil {
		return nil, false, nil
	}
	info, err := os.Stat(t.commitPath(t.cached.Version))
	if err != nil || !os.SameFile(info, t.file) || !info.ModTime().Equal(t.file.ModTime()) {
		return nil, false, nil //nolint:nilerr // whatever is wrong, the full load meets it and says so
	}
	var commits []*commit
	for v := t.cached.Version + 1; ; v++ {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if _, err := os.Stat(t.commitPath(v)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		c, err := t.readCommit(v)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, false, err
		}
		commits = append(commits, c)
	}
	if len(commits) > 0 {
		t.keep(t.cached.replay(commits))
	}
	return t.cached, t.cached != nil, nil
}

// SnapshotAt returns the table as it was at a version; ErrNotFound when the version does not exist, or when the log that
// leads to it has been cleaned up.
func (t *Table) SnapshotAt(ctx context.Context, version int64) (*Snapshot, error) {
	if version < 0 {
		return nil, fmt.Errorf("%w: version %d of %s: versions begin at 0", ErrNotFound, version, t.dir)
	}
	s, err := t.Snapshot(ctx)
	if err != nil || s.Version == version {
		return s, err
	}
	if s.Version < version {
		return nil, fmt.Errorf("%w: version %d of %s: the newest is %d", ErrNotFound, version, t.dir, s.Version)
	}
	return t.load(ctx, version)
}
