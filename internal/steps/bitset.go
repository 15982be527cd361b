package steps

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// bitset is a set of row positions: a bit per row, so that 100 million rows take 12.5 MB.
type bitset struct {
	bits []byte
	rows int64
}

func newBitset(rows int64) *bitset {
	return &bitset{bits: make([]byte, bitutil.BytesForBits(rows)), rows: rows}
}

func (b *bitset) add(position int64) { bitutil.SetBit(b.bits, int(position)) }

// slice returns the bits of rows from first on as a boolean column, without copying them.
func (b *bitset) slice(first, rows int64) arrow.Array {
	data := array.NewData(arrow.FixedWidthTypes.Boolean, int(rows),
		[]*memory.Buffer{nil, memory.NewBufferBytes(b.bits)}, nil, 0, int(first))
	defer data.Release()
	return array.NewBooleanData(data)
}
