package delta

import (
	"context"
	"fmt"
	"os"
	"time"
)

// cleanLog removes the log files that no version since the cutoff needs: those before the newest checkpoint
// that was committed before the cutoff, provided that this checkpoint can be read. It removes the oldest first, so
// that dying in between leaves no gap.
func (t *Table) cleanLog(ctx context.Context, cutoff time.Time) error {
	l, err := t.list()
	if err != nil {
		return err
	}
	if len(l.commits) == 0 {
		return nil
	}
	// Cheap on most days: the oldest commit is younger than the cutoff.
	if oldest, err := t.timestampOf(l.commits[0]); err != nil || oldest.After(cutoff) {
		return err
	}
	for i := len(l.checkpoints) - 1; i >= 0; i-- {
		c := l.checkpoints[i]
		at, err := t.timestampOf(c.version)
		if err != nil {
			return err
		}
		if at.After(cutoff) {
			continue
		}
		if _, err := t.readCheckpoint(ctx, c); err != nil {
			return fmt.Errorf("the log before version %d is kept: %w", c.version, err)
		}
		return t.removeLog(l, c.version)
	}
	return nil
}

func (t *Table) removeLog(l *listing, before int64) error {
	var doomed []string
	for _, v := range l.commits {
		if v < before {
			doomed = append(doomed, t.commitPath(v))
		}
	}
	for _, c := range l.checkpoints {
		if c.version < before {
			doomed = append(doomed, c.files...)
		}
	}
	for _, path := range doomed {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("clean up the log: %w", err)
		}
	}
	return nil
}
