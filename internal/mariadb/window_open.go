package mariadb

import (
	"fmt"
	"time"
)

const (
	// lookAge is how old a look may be that another table's run took of the same server: a mark that is so much earlier costs
	// nothing, and many tables of a server then share one look.
	lookAge = time.Second
	// startMargin is how much earlier than its transaction a statement may have begun, and taken its NOW(): the server notes a
	// transaction's start in whole seconds, and only when it first reaches a table.
	startMargin = 5 * time.Second
	// cacheAge is how long INNODB_TRX shows the same: InnoDB fills it anew only when nobody has read it for 100 ms.
	cacheAge = 110 * time.Millisecond
	// maxLooks bounds how often a look is repeated because somebody else reads INNODB_TRX all the time.
	maxLooks = 20
	// worthNoting is how far a mark may be held back without a word.
	worthNoting = time.Minute
)

// open is what a server said, at one time, of what was under way on it.
type open struct {
	began   time.Time // by this machine's clock, before the server was asked
	clock   time.Time // the server's, before it looked
	allowed bool      // whether the account sees other accounts' transactions (PROCESS)
	blind   bool      // it may, but what it saw was old
	replica bool
	stopped string // why nothing arrives at a replica, where that is known
	writers []writer
	running []activity
}

// writer is an open transaction that has written, or has locked in order to write.
type writer struct {
	id         uint64 // InnoDB's, never used again
	connection uint64
	start      time.Time // zero when not known: it was prepared (XA), and its connection is gone
}

// activity is a statement that runs, and belongs to no read-only transaction.
type activity struct {
	connection uint64
	user       string
	start      time.Time
}

func (a activity) String() string {
	return fmt.Sprintf("a statement of connection %d (user %q), which runs since %s UTC", a.connection, a.user, a.start.UTC().Format(time.DateTime))
}

const blindNote = "the watermark stays: another program reads information_schema.INNODB_TRX more than ten times a second, so that it shows no present state"

// settled returns the time before which every row has arrived that will: none that is still to be committed has an earlier cursor, as long as
// cursors are the server's NOW(). It is the server's clock at the look, or the start of the oldest transaction that has written or of
// the oldest statement that runs. ok is false when nothing is known, and the mark has to stay.
//
// Why that is enough. Take a row that is committed after the snapshot, which begins after the look, and the statement that wrote it.
// If the statement began after the look's clock was read, so did its NOW(). If it ran when the look listed statements, it is
// in that list. Else it had ended by then, having written, and its transaction was open when the look
// listed those, which it does last; that began at most startMargin after its first statement's NOW(). What an application's own clock or a
// statement's long wait before it reached a table add to that is for the overlap.
func (o open) settled(now time.Time, notef func(string, ...any)) (at time.Time, ok bool) {
	if !o.allowed {
		return now, true
	}
	if o.blind {
		notef("%s", blindNote)
		return at, false
	}
	at = now
	if o.clock.Before(at) {
		at = o.clock
	}
	var who string
	for _, s := range o.running {
		if s.start.Before(at) {
			at, who = s.start, s.String()
		}
	}
	for _, w := range o.writers {
		if w.start.IsZero() {
			notef("the watermark stays: %s", describe([]writer{w}))
			return at, false
		}
		if start := w.start.Add(-startMargin); start.Before(at) {
			at, who = start, describe([]writer{w})
		}
	}
	if now.Sub(at) > worthNoting && who != "" {
		notef("the watermark is held back to %s by %s; rows since then are read again until it ends", at.UTC().Format(time.DateTime), who)
	}
	return at, true
}

func describe(writers []writer) string {
	w, ok := oldest(writers)
	switch {
	case !ok:
		return "open transactions"
	case w.start.IsZero():
		return "a prepared transaction whose connection is gone (see XA RECOVER, and commit it or roll it back)"
	}
	return fmt.Sprintf("a transaction of connection %d, open since %s UTC", w.connection, w.start.UTC().Format(time.DateTime))
}

// oldest is the transaction that began first; one whose start is not known comes before all.
func oldest(writers []writer) (w writer, ok bool) {
	for i, other := range writers {
		if i == 0 || other.start.Before(w.start) {
			w = other
		}
	}
	return w, len(writers) > 0
}

// old says whether one of them, or a statement, is not worth waiting for, when a run waits for so long.
func (o open) old(writers []writer, settle time.Duration) bool {
	for _, s := range o.running {
		if o.clock.Sub(s.start) > 2*settle {
			return true
		}
	}
	for _, w := range writers {
		if w.start.IsZero() || o.clock.Sub(w.start) > 2*settle {
			return true
		}
	}
	return false
}
