package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
)

// load reads the table at a version (-1 is the newest) from its log. It lists the folder, which makes
// _last_checkpoint unnecessary, so that no damage to it matters.
func (t *Table) load(ctx context.Context, version int64) (*Snapshot, error) {
	for try := 1; ; try++ {
		l, err := t.list()
		if err != nil {
			return nil, err
		}
		s, err := t.loadListed(ctx, l, version)
		// A file that was listed and is gone was cleaned up by another process meanwhile.
		if !errors.Is(err, fs.ErrNotExist) || try == 3 {
			return s, err
		}
	}
}

// loadListed starts at the newest checkpoint that can be read and from which no commit is missing, or at version 0.
func (t *Table) loadListed(ctx context.Context, l *listing, version int64) (*Snapshot, error) {
	target := version
	if target < 0 {
		target = l.latest()
	}
	var damage error
	for i := len(l.checkpoints) - 1; i >= 0; i-- {
		c := l.checkpoints[i]
		if _, gap := l.gap(c.version+1, target); gap || c.version > target {
			continue
		}
		s, err := t.readCheckpoint(ctx, c)
		if err == nil {
			return t.replayTo(ctx, s, target)
		}
		if errors.Is(err, ErrProtocol) || ctx.Err() != nil {
			return nil, err
		}
		slog.Warn("a checkpoint cannot be read; falling back to an older one", "file", c.files[0], "error", err)
		damage = errors.Join(damage, err)
	}
	if missing, gap := l.gap(0, target); gap {
		return nil, t.missing(l, version, missing, damage)
	}
	return t.replayTo(ctx, &Snapshot{Version: -1}, target)
}

// missing says why a version cannot be rebuilt.
func (t *Table) missing(l *listing, version, missing int64, damage error) error {
	if version >= 0 && damage == nil && (len(l.commits) == 0 || missing == 0) {
		if oldest := l.earliest(l.latest()); version < oldest {
			return fmt.Errorf("%w: version %d of %s: its log has been cleaned up; the oldest version left is %d", ErrNotFound, version, t.dir, oldest)
		}
	}
	name := filepath.Base(t.commitPath(missing))
	err := fmt.Errorf("%w: %s: commit file %s is missing and no readable checkpoint stands in for it; restore the file", ErrCorrupt, t.logDir(), name)
	if damage != nil {
		return fmt.Errorf("%w (%w)", err, damage)
	}
	return err
}

// replayTo applies the commits that follow s up to version target.
func (t *Table) replayTo(ctx context.Context, s *Snapshot, target int64) (*Snapshot, error) {
	const batch = 256 // bounds the parsed actions held at once
	for s.Version < target {
		var commits []*commit
		for v := s.Version + 1; v <= target && len(commits) < batch; v++ {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			c, err := t.readCommit(v)
			if err != nil {
				return nil, err
			}
			commits = append(commits, c)
		}
		s = s.replay(commits)
	}
	return s, t.checkWhole(s)
}

// checkWhole refuses a log that never said what every log must.
func (t *Table) checkWhole(s *Snapshot) error {
	if s.Protocol.MinReaderVersion == 0 || s.Metadata.ID == "" || s.Metadata.SchemaString == "" {
		return fmt.Errorf("%w: %s: no protocol or no metadata up to version %d", ErrCorrupt, t.logDir(), s.Version)
	}
	return s.Protocol.checkRead()
}
