package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// CommitInfo is an entry of a table's history, as its writer described it.
type CommitInfo struct {
	Version       int64
	Timestamp     time.Time // UTC
	Operation     string    // "" when the writer said nothing
	Parameters    map[string]string
	Metrics       map[string]string
	ReadVersion   int64 // -1 when unknown
	IsBlindAppend bool
	EngineInfo    string
}

// History returns the commits that the log still has, newest first; limit 0 means all.
func (t *Table) History(ctx context.Context, limit int) ([]CommitInfo, error) {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var history []CommitInfo
	for v := s.Version; v >= 0 && (limit <= 0 || len(history) < limit); v-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c, err := t.readCommit(v)
		if errors.Is(err, fs.ErrNotExist) {
			break // cleaned up
		}
		if err != nil {
			return nil, err
		}
		history = append(history, c.entry())
	}
	return history, nil
}

func (c *commit) entry() CommitInfo {
	entry := CommitInfo{Version: c.version, Timestamp: c.timestamp, ReadVersion: -1}
	if c.info == nil {
		return entry
	}
	entry.Operation, entry.EngineInfo = c.info.Operation, c.info.EngineInfo
	entry.Parameters, entry.Metrics = plainStrings(c.info.OperationParameters), plainStrings(c.info.OperationMetrics)
	if c.info.ReadVersion != nil {
		entry.ReadVersion = *c.info.ReadVersion
	}
	if c.info.IsBlindAppend != nil {
		entry.IsBlindAppend = *c.info.IsBlindAppend
	}
	return entry
}

// VersionAsOf returns the last version that was committed at or before a time, by the times that the commits state
// (their files' where they state none); ErrNotFound when that version is older than the log goes back.
func (t *Table) VersionAsOf(ctx context.Context, at time.Time) (int64, error) {
	s, err := t.Snapshot(ctx)
	if err != nil {
		return -1, err
	}
	l, err := t.list()
	if err != nil {
		return -1, err
	}
	found, before := int64(-1), time.Time{}
	for v := l.earliest(s.Version); v <= s.Version; v++ {
		if err := ctx.Err(); err != nil {
			return -1, err
		}
		timestamp, err := t.timestampOf(v)
		if err != nil {
			return -1, err
		}
		before = laterOf(timestamp, before)
		if before.After(at) {
			break
		}
		found = v
	}
	if found < 0 {
		return -1, fmt.Errorf("%w: %s has no version that old: %s", ErrNotFound, t.dir, at.UTC().Format(time.RFC3339))
	}
	return found, nil
}

// timestampOf returns the time that a commit states, from memory when it was asked before.
func (t *Table) timestampOf(version int64) (time.Time, error) {
	t.mu.Lock()
	timestamp, ok := t.times[version]
	t.mu.Unlock()
	if ok {
		return timestamp, nil
	}
	c, err := t.readCommit(version)
	switch {
	case errors.Is(err, fs.ErrNotExist): // only its checkpoint is left
		timestamp, err = t.checkpointTime(version)
	case err == nil:
		timestamp = c.timestamp
	}
	if err != nil {
		return time.Time{}, err
	}
	t.mu.Lock()
	t.times[version] = timestamp
	t.mu.Unlock()
	return timestamp, nil
}
