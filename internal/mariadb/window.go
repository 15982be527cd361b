package mariadb

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"tributary/internal/table"
)

const day = 24 * time.Hour

// window works out what one run reads and, in e.mark, where the next one begins. It is done before the
// snapshot is taken, which the argument for the mark needs: see settled.
func (e *extraction) window(ctx context.Context) (table.Window, error) {
	if e.req.From != "" || e.req.To != "" {
		return e.backfill(ctx)
	}
	var w table.Window
	var err error
	switch e.req.Plan.CursorKind {
	case table.CursorTime, table.CursorDate:
		w, err = e.timeWindow(ctx)
	case table.CursorInteger:
		w, err = e.integerWindow(ctx)
	case table.CursorString:
		w, err = e.stringWindow(ctx)
	}
	if err == nil && w.Low != "" && compareBounds(w.Kind, w.High, w.Low) < 0 {
		e.notef("the cursor went back from %s to %s, as when a clock is set back or ids begin again: everything is read once; "+
			"run it with --full once the clock has passed %[1]s, as rows that look older than the lake's are not taken", e.req.Plan.Watermark, w.High)
		w.Low = "" // nothing tells what was not read yet
	}
	return w, err
}

// notef notes what was no failure, and that somebody should know.
func (e *extraction) notef(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

// backfill takes the bounds as asked, and fills a missing end in as a run would.
func (e *extraction) backfill(ctx context.Context) (table.Window, error) {
	w := table.Window{Kind: e.req.Plan.CursorKind, Low: e.req.From, High: e.req.To}
	if w.Full() {
		return w, fmt.Errorf("%w: a backfill from %q to %q needs a cursor; the table has none, so run it as a full reload",
			ErrUnsupported, w.Low, w.High)
	}
	for _, bound := range []string{w.Low, w.High} {
		if bound == "" {
			continue
		}
		if err := checkBound(w.Kind, bound); err != nil {
			return w, err
		}
	}
	switch {
	case w.High != "" || w.Kind == table.CursorString: // no text is above all others
		return w, nil
	case w.Kind == table.CursorInteger:
		var err error
		w.High, err = e.integerHigh(ctx)
		return w, err
	}
	w.High = e.highAt(e.session.clock)
	return w, nil
}

// timeWindow ends at the source's own clock, since a cursor is compared with no other: clients' clocks differ; and the next one begins where all that is older has surely arrived.
func (e *extraction) timeWindow(ctx context.Context) (table.Window, error) {
	w := table.Window{Kind: e.req.Plan.CursorKind}
	now := e.session.clock
	w.High = e.highAt(now)
	if err := e.markTime(ctx, now); err != nil {
		return w, err
	}
	if err := e.noteFuture(ctx, now); err != nil {
		return w, err
	}
	mark := e.req.Plan.Watermark
	if mark == "" || !isBound(w.Kind, mark) {
		return w, nil // a first run; or the mark is of another cursor, which the table had before: read everything
	}
	w.Low = e.lowAt(mark)
	return w, nil
}

// lowAt is a mark less the overlap: in whole days for a date, and cut down to what the cursor can tell apart, as a lagging clock's time is.
func (e *extraction) lowAt(mark string) string {
	overlap := max(e.req.Spec.Overlap, 0)
	if e.req.Plan.CursorKind == table.CursorDate {
		low, _ := time.Parse(dateLayout, mark)
		return low.AddDate(0, 0, -int((overlap+day-1)/day)).Format(dateLayout)
	}
	low, _ := time.Parse(timeLayout, mark)
	return e.markAt(low.Add(-overlap))
}

// markTime sets the mark: the clock, or what is earlier and still held up by transactions or replication.
func (e *extraction) markTime(ctx context.Context, now time.Time) error {
	seen, err := e.look(ctx, time.Now().Add(-lookAge))
	if err != nil {
		return err
	}
	at, ok := seen.settled(now, e.notef)
	if ok {
		e.mark = e.markAt(at)
	}
	if seen.stopped != "" {
		e.notef("%s", seen.stopped)
	}
	if e.client.Replica || seen.replica {
		return e.markReplica(ctx, now)
	}
	return nil
}

// highAt is the end of a window at a time: the time itself, or the end of its day, which is read again by the next run.
func (e *extraction) highAt(now time.Time) string {
	if e.req.Plan.CursorKind == table.CursorDate {
		return now.In(e.zone).AddDate(0, 0, 1).Format(dateLayout)
	}
	return e.markAt(now)
}

// markAt is a time as a bound, cut down to what the cursor can tell apart.
func (e *extraction) markAt(at time.Time) string {
	if e.req.Plan.CursorKind == table.CursorDate {
		return at.In(e.zone).Format(dateLayout)
	}
	precision := time.Second
	for range e.cursorType.arg(0, 0) {
		precision /= 10
	}
	return at.UTC().Truncate(precision).Format(timeLayout)
}

// errBound is a watermark or backfill bound that is not in canonical text.
var errBound = errors.New("is not of the cursor's kind")

// isBound says whether text is a canonical bound of that kind. No text is one of two kinds.
func isBound(kind, text string) bool {
	switch kind {
	case table.CursorTime:
		t, err := time.Parse(timeLayout, text)
		return err == nil && t.Format(timeLayout) == text
	case table.CursorDate:
		_, err := time.Parse(dateLayout, text)
		return err == nil
	case table.CursorInteger:
		n, ok := new(big.Int).SetString(text, 10)
		return ok && n.String() == text
	case table.CursorString:
		_, ok := table.StringBound(text)
		return ok
	}
	return false
}

func checkBound(kind, bound string) error {
	if !isBound(kind, bound) {
		return fmt.Errorf("%w: bound %q %w (%s); write it like %s", ErrValue, bound, errBound, kind, boundExamples[kind])
	}
	return nil
}

var boundExamples = map[string]string{
	table.CursorTime: `"` + timeLayout + `" (UTC)`, table.CursorDate: `"` + dateLayout + `"`, table.CursorInteger: `"12345"`,
	table.CursorString: `"'text'"`,
}

// compareBounds orders two canonical bounds; an empty High is that of an empty table, or of texts, and orders last. Texts have no order
// here: only their server knows their collation.
func compareBounds(kind, a, b string) int {
	switch {
	case a == "":
		return 1
	case kind == table.CursorInteger:
		left, _ := new(big.Int).SetString(a, 10)
		right, _ := new(big.Int).SetString(b, 10)
		return left.Cmp(right)
	case a == b:
		return 0
	case a < b: // canonical text of times and dates sorts by time
		return -1
	}
	return 1
}
