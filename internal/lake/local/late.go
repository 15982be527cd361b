package local

import (
	"time"

	"tributary/internal/lake"
)

// turnOf names a client's merges into a table in the table's log: an application of Delta's own fence, whose versions are when the
// merges were asked for, in microseconds.
func turnOf(client string) string { return "tributary/" + client }

// checkLate refuses batches that come after a later one of their client. A commit that comes between this and the merge's own carries the same
// application, and is a conflict. A later merge that changed nothing commits nothing, and is not seen here; the sync log has it once its run has ended.
func (m *merge) checkLate() error {
	for _, batch := range m.src.batches {
		if turn, ok := m.snapshot.Txn(turnOf(batch.Ref.Client)); ok {
			if err := lake.CheckLate(batch, time.UnixMicro(turn)); err != nil {
				return err
			}
		}
	}
	return nil
}

// turns are what the commit says of when its batches were asked for.
func (m *merge) turns() map[string]int64 {
	turns := map[string]int64{}
	for _, batch := range m.src.batches {
		if !batch.Scheduled.IsZero() {
			turns[turnOf(batch.Ref.Client)] = batch.Scheduled.UnixMicro()
		}
	}
	return turns
}
