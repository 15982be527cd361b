package steps

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/table"
)

// maxRuns bounds how many ascending runs an orderCheck follows before it gives up.
const maxRuns = 4096

// orderCheck proves at almost no cost that ids are unique, where it can: rows that were read in the order of
// the primary key, in a few ranges, form ascending runs, and runs that do not overlap share no id. Where it
// can prove nothing, the engine compares all ids.
type orderCheck struct {
	ids   []int // of the raw schema
	runs  []span
	last  []byte // the key of the last row seen
	given bool   // up
}

// span is the first and last key of an ascending run. Keys compare as their rows do.
type span struct{ first, last []byte }

func newOrderCheck(columns table.Schema, ids []string) *orderCheck {
	o := &orderCheck{given: len(ids) == 0}
	for _, id := range ids {
		o.ids = append(o.ids, columns.Find(id))
	}
	return o
}

// unique says whether the rows seen are proven to have ids that are not NULL and differ.
func (o *orderCheck) unique() bool {
	if o.given {
		return false
	}
	runs := slices.Clone(o.runs)
	if len(runs) > 0 {
		runs[len(runs)-1].last = o.last
	}
	slices.SortFunc(runs, func(a, b span) int { return bytes.Compare(a.first, b.first) })
	for i := 1; i < len(runs); i++ {
		if bytes.Compare(runs[i-1].last, runs[i].first) >= 0 {
			return false
		}
	}
	return true
}

// observe implements observer.
func (o *orderCheck) observe(batch arrow.RecordBatch) {
	if o.given {
		return
	}
	keys := make([]keyWriter, len(o.ids))
	for i, id := range o.ids {
		column := batch.Column(id)
		if keys[i] = newKeyWriter(column); keys[i] == nil || column.NullN() > 0 {
			o.given, o.runs = true, nil
			return
		}
	}
	key := make([]byte, 0, 64)
	for row := range int(batch.NumRows()) {
		key = key[:0]
		for _, write := range keys {
			key = write(key, row)
		}
		if len(o.runs) == 0 || bytes.Compare(o.last, key) >= 0 {
			o.begin(key)
		}
		o.last = append(o.last[:0], key...)
	}
}

// begin ends the run under way and begins another.
func (o *orderCheck) begin(key []byte) {
	if len(o.runs) == maxRuns {
		o.given = true
		return
	}
	if len(o.runs) > 0 {
		o.runs[len(o.runs)-1].last = slices.Clone(o.last)
	}
	o.runs = append(o.runs, span{first: slices.Clone(key)})
}

// follow takes what another found of the rows that come next.
func (o *orderCheck) follow(next *orderCheck) {
	if next == nil || len(next.runs) == 0 && !next.given {
		return
	}
	if o.given = o.given || next.given || len(o.runs)+len(next.runs) > maxRuns; o.given {
		return
	}
	if len(o.runs) > 0 {
		o.runs[len(o.runs)-1].last = slices.Clone(o.last)
	}
	o.runs, o.last = append(o.runs, next.runs...), next.last
}

// keyWriter appends a row's value so that keys compare, byte by byte, as the values do.
type keyWriter func(key []byte, row int) []byte

// newKeyWriter returns nil for types that are no common ids.
func newKeyWriter(column arrow.Array) keyWriter {
	signed := func(value func(int) int64) keyWriter {
		return func(key []byte, row int) []byte {
			return binary.BigEndian.AppendUint64(key, uint64(value(row))^1<<63)
		}
	}
	switch c := column.(type) {
	case *array.Int8:
		return signed(func(i int) int64 { return int64(c.Value(i)) })
	case *array.Int16:
		return signed(func(i int) int64 { return int64(c.Value(i)) })
	case *array.Int32:
		return signed(func(i int) int64 { return int64(c.Value(i)) })
	case *array.Int64:
		return signed(c.Value)
	case *array.Date32:
		return signed(func(i int) int64 { return int64(c.Value(i)) })
	case *array.Timestamp:
		return signed(func(i int) int64 { return int64(c.Value(i)) })
	case *array.Decimal128:
		return func(key []byte, row int) []byte {
			v := c.Value(row)
			key = binary.BigEndian.AppendUint64(key, uint64(v.HighBits())^1<<63)
			return binary.BigEndian.AppendUint64(key, v.LowBits())
		}
	case *array.String:
		return func(key []byte, row int) []byte { return appendText(key, c.Value(row)) }
	case *array.Binary:
		return func(key []byte, row int) []byte { return appendText(key, string(c.Value(row))) }
	}
	return nil
}

// appendText ends a text with 0 1 and writes a zero byte within it as 0 255, so that a text is less than any that it begins.
func appendText(key []byte, text string) []byte {
	for i := range len(text) {
		key = append(key, text[i])
		if text[i] == 0 {
			key = append(key, 255)
		}
	}
	return append(key, 0, 1)
}
