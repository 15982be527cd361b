package delta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/uuid"
)

// afterCommit does what may follow a commit and must not fail it.
func (t *Table) afterCommit(ctx context.Context, version int64) {
	if err := t.maintain(ctx, version); err != nil {
		slog.Warn("the commit is done, but its checkpoint or the clean-up of old log files is not; a later commit will do it",
			"table", t.dir, "version", version, "error", err)
	}
}

func (t *Table) maintain(ctx context.Context, version int64) error {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return err
	}
	set, err := s.Metadata.settings()
	if err != nil || version == 0 || version%set.checkpointInterval != 0 {
		return err
	}
	if err := t.fail(stageDone); err != nil {
		return err
	}
	if s, err = t.SnapshotAt(ctx, version); err != nil {
		return err
	}
	now := time.Now()
	if err := t.writeCheckpoint(s, set, now); err != nil {
		return err
	}
	if !set.cleanLog {
		return nil
	}
	return t.cleanLog(ctx, now.Add(-set.logRetention))
}

// writeCheckpoint writes the snapshot as a classic checkpoint of one file and points _last_checkpoint to it. Both
// appear whole or not at all.
func (t *Table) writeCheckpoint(s *Snapshot, set settings, now time.Time) error {
	s = t.dropExpired(s, now.Add(-set.tombstoneRetention))
	path := t.checkpointPath(s.Version)
	temp := tempFor(path)
	defer func() { _ = os.Remove(temp) }() // gone already unless something failed
	rows, err := writeCheckpointFile(temp, s)
	if err != nil {
		return fmt.Errorf("write checkpoint %s: %w", path, err)
	}
	info, err := os.Stat(temp)
	if err != nil {
		return fmt.Errorf("write checkpoint %s: %w", path, err)
	}
	if err := t.fail(stageCheckpoint); err != nil {
		return err
	}
	if err := errors.Join(os.Rename(temp, path), syncDir(t.logDir())); err != nil {
		return fmt.Errorf("write checkpoint %s: %w", path, err)
	}
	if err := t.fail(stageLastCheckpoint); err != nil {
		return err
	}
	return t.writeLastCheckpoint(lastCheckpoint{s.Version, rows, info.Size(), int64(len(s.files))})
}

// dropExpired returns the snapshot without the tombstones that nobody needs any more, and caches that one.
func (t *Table) dropExpired(s *Snapshot, before time.Time) *Snapshot {
	kept := make([]*Remove, 0, len(s.tombstones))
	for _, r := range s.tombstones {
		if r.DeletionTimestamp >= before.UnixMilli() {
			kept = append(kept, r)
		}
	}
	if len(kept) == len(s.tombstones) {
		return s
	}
	trimmed := *s
	trimmed.tombstones = kept
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cached == s {
		t.cached = &trimmed
	}
	return &trimmed
}

func tempFor(path string) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%s.tmp", filepath.Base(path), uuid.NewString()))
}

func writeCheckpointFile(path string, s *Snapshot) (rows int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy))
	w, err := pqarrow.NewFileWriter(checkpointSchema, struct{ io.Writer }{f}, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return 0, err
	}
	r := newCheckpointRows(w.WriteBuffered)
	defer r.builder.Release()
	s.appendTo(r, s.tombstones)
	if err := errors.Join(r.err, w.Close()); err != nil {
		return 0, err
	}
	if err := os.Chtimes(path, s.Timestamp, s.Timestamp); err != nil {
		return 0, err
	}
	return r.count, f.Sync()
}

// lastCheckpoint is a hint for other readers; this package does without.
type lastCheckpoint struct {
	Version       int64 `json:"version"`
	Size          int64 `json:"size"` // actions
	SizeInBytes   int64 `json:"sizeInBytes"`
	NumOfAddFiles int64 `json:"numOfAddFiles"`
}

func (t *Table) writeLastCheckpoint(last lastCheckpoint) error {
	path := filepath.Join(t.logDir(), "_last_checkpoint")
	var there lastCheckpoint
	if data, err := os.ReadFile(path); err == nil && json.Unmarshal(bytes.TrimSpace(data), &there) == nil && there.Version > last.Version {
		if _, err := os.Stat(t.checkpointPath(there.Version)); err == nil {
			return nil // another writer was further
		}
	}
	data, err := json.Marshal(last)
	if err != nil {
		return fmt.Errorf("write _last_checkpoint: %w", err)
	}
	temp := tempFor(path)
	defer func() { _ = os.Remove(temp) }() // gone already unless something failed
	if err := writeSynced(temp, data, time.Now()); err != nil {
		return fmt.Errorf("write _last_checkpoint: %w", err)
	}
	if err := errors.Join(os.Rename(temp, path), syncDir(t.logDir())); err != nil {
		return fmt.Errorf("write _last_checkpoint: %w", err)
	}
	return nil
}
