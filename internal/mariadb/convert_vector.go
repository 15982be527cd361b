package mariadb

import (
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tributary/internal/arrowfile"
)

// vector is the cells of one column of the batch in hand, in Arrow's own layout. Arrow's builders have the same at
// their end, but pay for growth, the count and the bitmap of NULLs at every cell.
type vector interface {
	// null makes a row NULL. Rows are set in order, each once.
	null(row int)
	// take hands the first rows over and begins anew.
	take(rows int) arrow.ArrayData
}

func newVector(pool *arrowfile.Pool, dtype arrow.DataType, limit int) vector {
	base := base{pool: pool, dtype: dtype, limit: limit}
	switch dtype.ID() {
	case arrow.INT8:
		return newFixed[int8](base)
	case arrow.INT16:
		return newFixed[int16](base)
	case arrow.INT32:
		return newFixed[int32](base)
	case arrow.INT64:
		return newFixed[int64](base)
	case arrow.FLOAT32:
		return newFixed[float32](base)
	case arrow.FLOAT64:
		return newFixed[float64](base)
	case arrow.DATE32:
		return newFixed[arrow.Date32](base)
	case arrow.TIMESTAMP:
		return newFixed[arrow.Timestamp](base)
	case arrow.DECIMAL128:
		return newFixed[decimal128.Num](base)
	case arrow.BOOL:
		return newBooleans(base)
	}
	return newTexts(base)
}

// base is what every vector has.
type base struct {
	pool  *arrowfile.Pool
	dtype arrow.DataType
	limit int    // rows
	valid []byte // bits, nil until the batch's first NULL
	nulls int
}

func (b *base) null(row int) {
	if b.valid == nil {
		b.valid = b.pool.Allocate((b.limit + 7) / 8)
		for i := range b.valid {
			b.valid[i] = 0xff
		}
	}
	b.valid[row>>3] &^= 1 << (row & 7)
	b.nulls++
}

// data hands buffers over, behind the bitmap of NULLs.
func (b *base) data(rows int, contents ...[]byte) arrow.ArrayData {
	buffers := make([]*memory.Buffer, 0, 1+len(contents))
	if b.valid == nil {
		buffers = append(buffers, nil)
	} else {
		contents = append([][]byte{b.valid[:(rows+7)/8]}, contents...)
	}
	for _, content := range contents {
		buffers = append(buffers, memory.NewBufferWithAllocator(content, b.pool))
	}
	data := array.NewData(b.dtype, rows, buffers, nil, b.nulls, 0)
	for _, buffer := range buffers {
		if buffer != nil {
			buffer.Release() // the data holds it from here on
		}
	}
	b.valid, b.nulls = nil, 0
	return data
}

// fixed is a column of values of one width.
type fixed[T arrow.FixedWidthType] struct {
	base
	values []T
	buffer []byte // of values
}

func newFixed[T arrow.FixedWidthType](b base) *fixed[T] {
	f := &fixed[T]{base: b}
	f.begin()
	return f
}

func (f *fixed[T]) begin() {
	f.buffer = f.pool.Allocate(f.limit * int(unsafe.Sizeof(*new(T))))
	f.values = arrow.GetData[T](f.buffer)
}

func (f *fixed[T]) null(row int) {
	f.base.null(row)
	var zero T
	f.values[row] = zero // what an earlier batch left here goes into no file
}

func (f *fixed[T]) take(rows int) arrow.ArrayData {
	data := f.data(rows, f.buffer[:rows*int(unsafe.Sizeof(*new(T)))])
	f.begin()
	return data
}

// booleans is a column of booleans.
type booleans struct {
	base
	values []byte
}

func newBooleans(b base) *booleans {
	v := &booleans{base: b}
	v.begin()
	return v
}

func (v *booleans) begin() {
	v.values = v.pool.Allocate((v.limit + 7) / 8)
	clear(v.values)
}

func (v *booleans) set(row int) { v.values[row>>3] |= 1 << (row & 7) }

func (v *booleans) take(rows int) arrow.ArrayData {
	data := v.data(rows, v.values[:(rows+7)/8])
	v.begin()
	return data
}

// texts is a column of strings or of bytes. Its cells never come near 2 GiB together: a batch is full at
// batchBytes, and no packet is longer than maxLong.
type texts struct {
	base
	offsets []int32
	index   []byte // of offsets
	bytes   []byte // all that there is room for
	used    int    // of bytes
}

// fewest is the room that texts begin with, in bytes.
const fewest = 64

func newTexts(b base) *texts {
	v := &texts{base: b}
	v.begin(fewest)
	return v
}

func (v *texts) begin(size int) {
	v.index = v.pool.Allocate(4 * (v.limit + 1))
	v.offsets = arrow.GetData[int32](v.index)
	v.offsets[0] = 0
	v.bytes = v.pool.Allocate(size)
	v.bytes = v.bytes[:cap(v.bytes)]
	v.used = 0
}

func (v *texts) null(row int) {
	v.base.null(row)
	v.offsets[row+1] = int32(v.used)
}

// add sets a row to a copy of cell.
func (v *texts) add(row int, cell []byte) {
	end := v.used + len(cell)
	if end > len(v.bytes) {
		v.bytes = v.pool.Reallocate(max(end, 2*len(v.bytes)), v.bytes)
		v.bytes = v.bytes[:cap(v.bytes)]
	}
	copy(v.bytes[v.used:end], cell)
	v.used = end
	v.offsets[row+1] = int32(end)
}

func (v *texts) take(rows int) arrow.ArrayData {
	size := v.used
	data := v.data(rows, v.index[:4*(rows+1)], v.bytes[:size])
	v.begin(max(size, fewest)) // the next batch is probably as large
	return data
}

// invalid returns the first of the rows that is no valid UTF-8, or -1: all of them are if they are so in a row, and
// none begins in the middle of a character.
func (v *texts) invalid(rows int) int {
	valid := utf8.Valid(v.bytes[:v.used])
	for row, offset := range v.offsets[:rows] {
		if !valid && !utf8.Valid(v.cell(row)) || valid && int(offset) < v.used && !utf8.RuneStart(v.bytes[offset]) {
			return row
		}
	}
	return -1
}

func (v *texts) cell(row int) []byte { return v.bytes[v.offsets[row]:v.offsets[row+1]] }
