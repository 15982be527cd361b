package rowhash

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// bytesOf returns the values of an array of texts or bytes, without copying them.
func bytesOf(a arrow.Array) (value func(i int) []byte, isText bool) {
	view := func(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
	switch a := a.(type) {
	case *array.String:
		return func(i int) []byte { return view(a.Value(i)) }, true
	case *array.LargeString:
		return func(i int) []byte { return view(a.Value(i)) }, true
	case *array.Binary:
		return a.Value, false
	case *array.LargeBinary:
		return a.Value, false
	}
	return nil, false
}

// sliced is one row of an array.
func sliced(a arrow.Array, row int) arrow.Array {
	return array.NewSlice(a, int64(row), int64(row)+1)
}

// valid is which cells of an array are not NULL.
type valid struct {
	bits  []byte // nil where all cells are alike
	first int    // the bit of the first cell
	none  bool   // all are NULL
}

func validity(a arrow.Array) valid {
	bits := a.NullBitmapBytes()
	switch {
	case a.DataType().ID() == arrow.NULL:
		return valid{none: true}
	case len(bits) == 0 || a.NullN() == 0:
		return valid{}
	}
	return valid{bits: bits, first: a.Data().Offset()}
}

func (v *valid) all() bool { return v.bits == nil && !v.none }

func (v *valid) has(i int) bool {
	if v.bits == nil {
		return !v.none
	}
	i += v.first
	return v.bits[i>>3]>>(i&7)&1 == 1
}
