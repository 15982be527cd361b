package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tributary/internal/table"
)

const day = 24 * time.Hour

// window works out what one run reads, before the snapshot is taken: what commits in between is
// below no later run's low.
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
	}
	if err == nil && w.Low != "" && compareBounds(w.Kind, w.High, w.Low) < 0 {
		w.Low = "" // the clock was set back, or the ids began again: nothing tells what was not read yet
	}
	return w, err
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
	if w.High != "" {
		return w, nil
	}
	clock := e.integerHigh
	if w.Kind != table.CursorInteger {
		clock = e.clockHigh
	}
	var err error
	w.High, err = clock(ctx)
	return w, err
}

func (e *extraction) timeWindow(ctx context.Context) (table.Window, error) {
	high, err := e.clockHigh(ctx)
	w := table.Window{Kind: e.req.Plan.CursorKind, High: high}
	mark := e.req.Plan.Watermark
	if err != nil || mark == "" {
		return w, err
	}
	if !isBound(w.Kind, mark) {
		return w, nil // of another cursor, which the table had before: read everything
	}
	overlap := max(e.req.Spec.Overlap, 0)
	if w.Kind == table.CursorDate {
		low, _ := time.Parse(dateLayout, mark)
		w.Low = low.AddDate(0, 0, -int((overlap+day-1)/day)).Format(dateLayout)
		return w, nil
	}
	low, _ := time.Parse(timeLayout, mark)
	w.Low = low.Add(-overlap).Format(timeLayout)
	return w, nil
}

// clockHigh is the source's own clock, cut down to what the cursor can tell apart.
func (e *extraction) clockHigh(ctx context.Context) (string, error) {
	var text string
	if err := e.session.conn.QueryRowContext(ctx, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR)").Scan(&text); err != nil {
		return "", err
	}
	now, err := time.Parse(time.DateTime, text) // takes a fraction of any length
	if err != nil {
		return "", err
	}
	if e.req.Plan.CursorKind == table.CursorDate {
		return now.In(e.zone).Format(dateLayout), nil
	}
	precision := time.Second
	for range e.cursorType.arg(0, 0) {
		precision /= 10
	}
	return now.Truncate(precision).Format(timeLayout), nil
}

func (e *extraction) integerWindow(ctx context.Context) (table.Window, error) {
	high, err := e.integerHigh(ctx)
	w := table.Window{Kind: table.CursorInteger, High: high}
	mark := e.req.Plan.Watermark
	if err != nil || mark == "" {
		return w, err
	}
	if !isBound(w.Kind, mark) {
		return w, nil // as above
	}
	low, _ := new(big.Int).SetString(mark, 10)
	w.Low = low.Sub(low, big.NewInt(max(e.req.Spec.OverlapRows, 0))).String()
	return w, nil
}

// integerHigh is one above the table's largest id, or "" when it has none.
func (e *extraction) integerHigh(ctx context.Context) (string, error) {
	var text sql.NullString
	column := table.Quote(e.cursor.Source, table.Backtick)
	err := e.session.conn.QueryRowContext(ctx, "SELECT CAST(MAX("+column+") AS CHAR) FROM "+e.from()).Scan(&text)
	if err != nil || !text.Valid {
		return "", err
	}
	high, ok := new(big.Int).SetString(text.String, 10)
	if !ok {
		return "", fmt.Errorf("%w: largest %s is %q, which is no integer", ErrValue, column, text.String)
	}
	return high.Add(high, big.NewInt(1)).String(), nil
}

// errBound is a watermark or backfill bound that is not in canonical text.
var errBound = errors.New("is not of the cursor's kind")

// isBound says whether text is a canonical bound of that kind.
func isBound(kind, text string) bool {
	switch kind {
	case table.CursorTime:
		t, err := time.Parse(timeLayout, text)
		return err == nil && t.Format(timeLayout) == text
	case table.CursorDate:
		_, err := time.Parse(dateLayout, text)
		return err == nil
	case table.CursorInteger:
		_, ok := new(big.Int).SetString(text, 10)
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
}

// compareBounds orders two canonical bounds; an empty High is an empty table's and orders last.
func compareBounds(kind, a, b string) int {
	if a == "" {
		return 1
	}
	if kind != table.CursorInteger {
		return strings.Compare(a, b)
	}
	left, _ := new(big.Int).SetString(a, 10)
	right, _ := new(big.Int).SetString(b, 10)
	return left.Cmp(right)
}
