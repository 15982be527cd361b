package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Commit appends the transaction to the log and returns its version, or -1 and an error.
//
// The commit is atomic: the whole of it becomes visible under its version, or nothing. Before that
// it checks that every added file is there with the size that Add states, and syncs the files,
// their folders and the commit itself to disk. When another writer took the version, it checks
// whether what that one did matters to this transaction: ErrConflict if it does (metadata or protocol changed, a file
// that this one removes was removed, rows were added to or removed from partitions that this one read, the same application
// in Txns), else it takes the next version.
//
// On ErrUncertain the commit may be visible, so the added files must stay. After every other error
// it is not, and they may be deleted. A checkpoint that is due is written after the commit;
// failing to write it is logged and does not fail the commit.
func (t *Table) Commit(ctx context.Context, tx Tx) (int64, error) {
	tx.Adds = append([]Add(nil), tx.Adds...) // validate completes them
	if err := tx.validate(); err != nil {
		return -1, fmt.Errorf("commit to %s: %w", t.dir, err)
	}
	if err := t.syncFiles(&tx); err != nil {
		return -1, fmt.Errorf("commit to %s: %w", t.dir, err)
	}
	version, err := t.appendAlone(ctx, &tx)
	if err != nil {
		return -1, fmt.Errorf("commit to %s: %w", t.dir, err)
	}
	t.afterCommit(context.WithoutCancel(ctx), version)
	return version, nil
}

// appendAlone lets one goroutine of this process race at a time.
func (t *Table) appendAlone(ctx context.Context, tx *Tx) (int64, error) {
	select {
	case t.commit <- struct{}{}:
		defer func() { <-t.commit }()
		return t.append(ctx, tx)
	case <-ctx.Done():
		return -1, ctx.Err()
	}
}

// append races for a version until it wins one or conflicts. Somebody wins every race, so it ends.
func (t *Table) append(ctx context.Context, tx *Tx) (int64, error) {
	if err := t.fail(stageBegin); err != nil {
		return -1, err
	}
	checked := tx.Read
	for {
		latest, err := t.latestFor(ctx, tx)
		if err != nil {
			return -1, err
		}
		version := int64(0)
		at := tx.Time
		if at.IsZero() {
			at = time.Now()
		}
		at = at.UTC().Truncate(time.Millisecond)
		if latest != nil {
			if err := t.checkWinners(tx, checked.Version+1, latest.Version); err != nil {
				return -1, err
			}
			checked, version, at = latest, latest.Version+1, laterOf(at, latest.Timestamp)
		}
		body, err := tx.body(at, version-1)
		if err != nil {
			return -1, err
		}
		if err := t.put(version, body, at); !errors.Is(err, fs.ErrExist) {
			return version, err
		}
	}
}

// latestFor returns the newest snapshot for a transaction, nil when it is to create the table.
func (t *Table) latestFor(ctx context.Context, tx *Tx) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	latest, err := t.Snapshot(ctx)
	switch {
	case tx.Read == nil && errors.Is(err, ErrNotFound):
		return nil, t.makeLog()
	case err != nil:
		return nil, err
	case tx.Read == nil:
		return nil, fmt.Errorf("%w: version %d", ErrExists, latest.Version)
	case latest.Version < tx.Read.Version || latest.Metadata.ID != tx.Read.Metadata.ID:
		return nil, fmt.Errorf("%w: the table was replaced by another one after it was read", ErrConflict)
	}
	return latest, nil
}

// checkWinners checks the transaction against the commits that came after what it read.
func (t *Table) checkWinners(tx *Tx, from, to int64) error {
	for v := from; v <= to; v++ {
		winner, err := t.readCommit(v)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: version %d, which came after what was read, has been cleaned up", ErrConflict, v)
		}
		if err != nil {
			return err
		}
		if reason := tx.conflict(winner); reason != "" {
			operation := "another writer"
			if winner.info != nil && winner.info.Operation != "" {
				operation = winner.info.Operation
			}
			return fmt.Errorf("%w: version %d (%s) %s; read the table again and repeat", ErrConflict, v, operation, reason)
		}
	}
	return nil
}

// conflict says how a commit that won disturbs the transaction; "" when it does not.
func (tx *Tx) conflict(winner *commit) string {
	switch {
	case winner.protocol != nil:
		return "changed the protocol"
	case winner.metadata != nil:
		return "changed the table's metadata"
	}
	for _, w := range winner.txns {
		if _, ok := tx.Txns[w.AppID]; ok {
			return fmt.Sprintf("committed a transaction of application %q", w.AppID)
		}
	}
	removes := make(map[string]bool, len(tx.Removes))
	for _, a := range tx.Removes {
		removes[cleanKey(a.Path)] = true
	}
	for _, f := range winner.files {
		if reason := tx.fileConflict(f, removes); reason != "" {
			return reason
		}
	}
	return ""
}

func (tx *Tx) fileConflict(f fileChange, removes map[string]bool) string {
	if removes[f.path()] {
		return fmt.Sprintf("changed file %s, which this transaction replaces", f.path())
	}
	if tx.ReadPartitions == nil {
		return ""
	}
	if f.add != nil {
		if f.add.DataChange && tx.ReadPartitions(f.add.PartitionValues) {
			return "added rows to a partition that was read"
		}
		return ""
	}
	if !f.remove.DataChange {
		return "" // its rows are in other files now, unchanged
	}
	values := f.remove.PartitionValues
	if values == nil {
		if known := tx.Read.file(f.remove.id); known != nil {
			values = known.PartitionValues
		} else if len(tx.Read.Metadata.PartitionColumns) > 0 {
			return "" // a file that came and went after what was read
		}
	}
	if tx.ReadPartitions(values) {
		return "removed rows from a partition that was read"
	}
	return ""
}
