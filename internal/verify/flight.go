package verify

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"tributary/internal/table"
)

const day = 24 * time.Hour

// settle says which rows are compared.
func (v *verification) settle(ctx context.Context) error {
	in, r := v.in, v.report
	seen, err := v.seen(ctx)
	if err != nil {
		return err
	}
	transformed := slices.ContainsFunc(in.Spec.Transform, func(t table.Transform) bool { return strings.EqualFold(t.Column, r.Cursor) })
	switch {
	case in.Plan.Cursor == "":
		r.Notes = append(r.Notes, "without a cursor nothing tells what changed since the last sync: such changes show as differences until the next one")
		return nil
	case transformed:
		r.Notes = append(r.Notes, "a transform changes the cursor, so nothing tells what changed since the last sync: such changes show as differences until the next one")
		return nil
	case seen:
		r.Notes = append(r.Notes, "no sync with this cursor has left a watermark, so nothing tells what changed since the last sync: such changes show as differences until the next one")
		return nil
	case in.Last.Kind != "" && in.Last.Kind != in.Plan.CursorKind:
		r.Notes = append(r.Notes, "the cursor was of another kind at the last sync: changes since then show as differences until the next one")
		return nil
	}
	bound, err := settled(in.Plan.CursorKind, in.Last.Watermark, in.Spec)
	if err != nil {
		return fmt.Errorf("%w: the sync log's watermark: %w", ErrUnable, err)
	}
	if v.overlaps = bound != in.Last.Watermark; v.overlap {
		bound = in.Last.Watermark
	}
	r.Watermark, r.Settled = in.Last.Watermark, bound
	return v.source.leaveInFlight(in, bound)
}

// seen says whether a sync brought rows and left no watermark for this cursor. Runs by an id or a text leave none as long as they see no row, so that
// all rows are in flight then; that the last run brought none does not say so, as it may have failed, and the lake is asked.
func (v *verification) seen(ctx context.Context) (bool, error) {
	kind := v.in.Plan.CursorKind
	if v.in.Last.Watermark != "" || v.in.Plan.Cursor == "" {
		return false, nil
	}
	if v.in.Last.Rows > 0 || kind == table.CursorTime || kind == table.CursorDate {
		return true, nil
	}
	theirs, err := v.lake.Checksums(ctx, v.of)
	return theirs.Total().Rows > 0, err
}

// settled is the cursor below which the lake must have what the source has: where the next run begins to read. Rows from
// there on may have changed, or may have been committed, since the last run read them.
func settled(kind, watermark string, spec table.Spec) (string, error) {
	if watermark == "" {
		return "", nil
	}
	switch kind {
	case table.CursorTime:
		at, err := time.Parse(timeLayout, watermark)
		return at.Add(-max(spec.Overlap, 0)).Format(timeLayout), err
	case table.CursorDate:
		at, err := time.Parse(time.DateOnly, watermark)
		return at.AddDate(0, 0, -int((max(spec.Overlap, 0)+day-1)/day)).Format(time.DateOnly), err
	case table.CursorInteger:
		n, ok := new(big.Int).SetString(watermark, 10)
		if !ok {
			return "", fmt.Errorf("watermark %q is no integer", watermark)
		}
		return n.Sub(n, big.NewInt(max(spec.OverlapRows, 0))).String(), nil
	case table.CursorString:
		if _, ok := table.StringBound(watermark); !ok {
			return "", fmt.Errorf("watermark %q is no text", watermark)
		}
		return watermark, nil
	}
	return "", fmt.Errorf("cursors of kind %q are not known", kind)
}

const timeLayout = "2006-01-02 15:04:05.000000"

// inFlight returns which rows are at or above a bound, given the array of their cursors; NULL is not. An empty bound is
// that of a table of which no run has seen a row: all with a cursor are.
func inFlight(kind, bound string, a arrow.Array) (func(row int) bool, error) {
	if bound == "" {
		return a.IsValid, nil
	}
	if a.DataType().ID() == arrow.NULL {
		return func(int) bool { return false }, nil
	}
	var above func(row int) bool
	switch kind {
	case table.CursorTime, table.CursorDate:
		above = timesFrom(bound, a)
	case table.CursorInteger:
		above = integersFrom(bound, a)
	case table.CursorString:
		if texts, ok := a.(*array.String); ok {
			text, _ := table.StringBound(bound)
			text = strings.ToLower(text) // the collation is the source's; the usual ones order such texts so
			above = func(i int) bool { return strings.ToLower(texts.Value(i)) >= text }
		}
	}
	if above == nil {
		return nil, fmt.Errorf("a cursor of kind %s is a %s", kind, a.DataType())
	}
	return func(i int) bool { return a.IsValid(i) && above(i) }, nil
}

func timesFrom(bound string, a arrow.Array) func(row int) bool {
	switch a := a.(type) {
	case *array.Timestamp:
		at, err := time.Parse(timeLayout, bound)
		if err != nil {
			return nil
		}
		from := arrow.Timestamp(at.UnixMicro())
		return func(i int) bool { return a.Value(i) >= from }
	case *array.Date32:
		at, err := time.Parse(time.DateOnly, bound)
		if err != nil {
			return nil
		}
		from := arrow.Date32FromTime(at)
		return func(i int) bool { return a.Value(i) >= from }
	}
	return nil
}

func integersFrom(bound string, a arrow.Array) func(row int) bool {
	from, ok := new(big.Int).SetString(bound, 10)
	if !ok {
		return nil
	}
	var value func(i int) int64
	switch a := a.(type) {
	case *array.Int8:
		value = func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int16:
		value = func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int32:
		value = func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int64:
		value = a.Value
	case *array.Decimal128:
		if from.BitLen() > 126 {
			return nil
		}
		low := decimal128.FromBigInt(from)
		return func(i int) bool { return a.Value(i).Cmp(low) >= 0 }
	default:
		return nil
	}
	if from.IsInt64() {
		low := from.Int64()
		return func(i int) bool { return value(i) >= low }
	}
	all := from.Sign() < 0 // below every int64, or above
	return func(int) bool { return all }
}

// deletedRows returns which rows are marked as deleted, given the array of their soft-delete column: as lake.DeletedExpr says.
func deletedRows(a arrow.Array) func(row int) bool {
	var marked func(i int) bool
	switch a := a.(type) {
	case *array.Boolean:
		marked = a.Value
	case *array.Int8:
		marked = func(i int) bool { return a.Value(i) != 0 }
	case *array.Int16:
		marked = func(i int) bool { return a.Value(i) != 0 }
	case *array.Int32:
		marked = func(i int) bool { return a.Value(i) != 0 }
	case *array.Int64:
		marked = func(i int) bool { return a.Value(i) != 0 }
	case *array.Float32:
		marked = func(i int) bool { return a.Value(i) != 0 }
	case *array.Float64:
		marked = func(i int) bool { return a.Value(i) != 0 }
	case *array.Decimal128:
		marked = func(i int) bool { return a.Value(i) != decimal128.Num{} }
	case *array.String:
		marked = func(i int) bool {
			switch strings.ToLower(a.Value(i)) {
			case "", "0", "false":
				return false
			}
			return true
		}
	default: // a date, a time, bytes
		marked = func(int) bool { return true }
	}
	return func(i int) bool { return a.IsValid(i) && marked(i) }
}
