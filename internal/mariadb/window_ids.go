package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"tributary/internal/table"
)

// integerWindow ends above the largest id. The next one begins there once no transaction is open that may hold a smaller one.
func (e *extraction) integerWindow(ctx context.Context) (table.Window, error) {
	high, err := e.integerHigh(ctx)
	w := table.Window{Kind: table.CursorInteger, High: high}
	if err == nil {
		err = e.markOnceSettled(ctx, high)
	}
	mark := e.req.Plan.Watermark
	if err != nil || mark == "" || !isBound(w.Kind, mark) {
		return w, err // a first run, or a mark of another cursor: read everything
	}
	low, _ := new(big.Int).SetString(mark, 10)
	w.Low = low.Sub(low, big.NewInt(max(e.req.Spec.OverlapRows, 0))).String()
	return w, nil
}

// integerHigh is one above the table's largest id, or "" when it has none.
func (e *extraction) integerHigh(ctx context.Context) (string, error) {
	text, err := e.max(ctx, "")
	if err != nil || !text.Valid {
		return "", err
	}
	high, ok := new(big.Int).SetString(text.String, 10)
	if !ok {
		return "", fmt.Errorf("%w: largest %s is %q, which is no integer", ErrValue, e.cursor.Name, text.String)
	}
	return high.Add(high, big.NewInt(1)).String(), nil
}

// stringWindow has no end: no text is next to another. The next window begins at the largest text, which is read again. MariaDB
// compares, in the column's own collation, wherever order matters: so no gap can arise, and the column's index is used.
func (e *extraction) stringWindow(ctx context.Context) (table.Window, error) {
	w := table.Window{Kind: table.CursorString}
	text, err := e.max(ctx, "")
	if err != nil {
		return w, err
	}
	if text.String != "" {
		if err := e.markOnceSettled(ctx, table.QuoteBound(text.String)); err != nil {
			return w, err
		}
	}
	if mark, ok := table.StringBound(e.req.Plan.Watermark); ok {
		w.Low, err = e.stringLow(ctx, mark)
	}
	return w, err
}

// stringLow is the text that many rows before the mark as overlap says; "" when there are fewer.
func (e *extraction) stringLow(ctx context.Context, mark string) (string, error) {
	back := max(e.req.Spec.OverlapRows, 0)
	if back == 0 {
		return table.QuoteBound(mark), nil
	}
	column := table.Quote(e.cursor.Source, table.Backtick)
	var low string
	err := e.session.conn.QueryRowContext(ctx, fmt.Sprintf("SELECT CAST(%[1]s AS CHAR) FROM %[2]s WHERE %[1]s < ? ORDER BY %[1]s DESC LIMIT 1 OFFSET %[3]d",
		column, e.from(), back-1), mark).Scan(&low)
	if errors.Is(err, sql.ErrNoRows) || low == "" {
		return "", ignoreNoRows(err)
	}
	return table.QuoteBound(low), err
}

func ignoreNoRows(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// max is the table's largest cursor, of the rows that pass a where.
func (e *extraction) max(ctx context.Context, where string, args ...any) (text sql.NullString, err error) {
	err = e.session.onServer(serverTries, func() (answered string, err error) {
		err = e.session.conn.QueryRowContext(ctx, e.maxSQL()+where, args...).Scan(&text, &answered)
		return answered, err
	})
	return text, err
}

func (e *extraction) maxSQL() string {
	return "SELECT CAST(MAX(" + table.Quote(e.cursor.Source, table.Backtick) + ") AS CHAR), " + e.session.named() + " FROM " + e.from()
}

// settleTime is how long a run waits for transactions to end that may hold ids below the largest one. Those that are older
// when it begins are not waited for.
const settleTime = time.Second

// markOnceSettled sets the mark to a bound that was read before, once all have ended that may hold a smaller id; see holders. While one
// stays open the mark is left where it is. An account that sees no transactions relies on the overlap.
func (e *extraction) markOnceSettled(ctx context.Context, bound string) error {
	if bound == "" {
		return nil
	}
	read := time.Now()
	seen, err := e.look(ctx, read)
	if err != nil || !seen.allowed {
		e.mark = bound
		return err
	}
	held := newHolders(seen)
	for {
		if held.none() && !seen.blind {
			e.mark = bound
			return nil
		}
		if seen.blind || seen.old(held.writers, e.source.settle) || time.Since(read) > e.source.settle {
			e.noteHeld(seen, held)
			return nil
		}
		if seen, err = e.look(ctx, time.Now()); err != nil {
			return err
		}
		held.update(seen)
	}
}

// holders are those who may hold an id below the largest one, of the time at which that was read. Ids are handed out in order, so each of them had a
// transaction open that had written, or ran a statement, which may have had its id and have written nothing yet: its transaction, if it is
// open when the statement has ended, holds that id from then on. So does one that was prepared (XA) and has lost its connection since: whose it
// was is not known.
type holders struct {
	asOf       time.Time
	writers    []writer
	statements map[uint64]bool // by connection
}

func newHolders(seen open) *holders {
	h := &holders{asOf: seen.clock, writers: seen.writers, statements: map[uint64]bool{}}
	for _, s := range seen.running {
		if s.start.Before(h.asOf) {
			h.statements[s.connection] = true
		}
	}
	return h
}

func (h *holders) none() bool { return len(h.writers)+len(h.statements) == 0 }

// update leaves out those that have ended.
func (h *holders) update(seen open) {
	h.writers = stillOpen(h.writers, seen.writers)
	for connection := range h.statements {
		if slices.ContainsFunc(seen.running, func(s activity) bool { return s.connection == connection && s.start.Before(h.asOf) }) {
			continue
		}
		delete(h.statements, connection)
		for _, w := range seen.writers {
			if (w.connection == connection || w.connection == 0) && len(stillOpen(h.writers, []writer{w})) == 0 {
				h.writers = append(h.writers, w)
			}
		}
	}
}

// noteHeld says what has held the watermark of a group of ids for so long that somebody should know.
func (e *extraction) noteHeld(seen open, held *holders) {
	if seen.blind {
		e.notef("%s", blindNote)
		return
	}
	var since time.Time
	var who string
	if w, ok := oldest(held.writers); ok {
		since, who = w.start, describe(held.writers)
	}
	for _, s := range seen.running {
		if held.statements[s.connection] && (who == "" || s.start.Before(since)) {
			since, who = s.start, s.String()
		}
	}
	if who != "" && seen.clock.Sub(since) > worthNoting {
		e.notef("the watermark stays, as the ids of %s are not known; its rows, and those after it, are read again until it ends", who)
	}
}

// stillOpen returns which of the transactions are open still.
func stillOpen(waiting, open []writer) []writer {
	var still []writer
	for _, w := range waiting {
		for _, o := range open {
			if o.id == w.id {
				still = append(still, o)
			}
		}
	}
	return still
}
