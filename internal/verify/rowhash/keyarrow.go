package rowhash

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"tributary/internal/table"
)

// Encoder encodes the keys of the rows of one batch.
type Encoder struct {
	columns []func(key []byte, row int) []byte
	nulls   []arrow.Array
}

// Encoder returns the encoder of a batch, given its id columns in the order of the key's. A type that is not exact in
// the lake's is ErrType.
func (k *Keys) Encoder(arrays []arrow.Array) (*Encoder, error) {
	e := &Encoder{nulls: arrays}
	for i, a := range arrays {
		kind, err := kindOf(k.columns[i].Type)
		if err != nil {
			return nil, err
		}
		column := kind.encoder(a)
		if column == nil {
			return nil, fmt.Errorf("id %q: %w", k.columns[i].Name, kind.misfit(a))
		}
		e.columns = append(e.columns, column)
	}
	return e, nil
}

// EncoderOf returns the encoder of a batch that has the id columns by their names.
func (k *Keys) EncoderOf(record arrow.RecordBatch) (*Encoder, error) {
	arrays := make([]arrow.Array, len(k.columns))
	for i, c := range k.columns {
		at := record.Schema().FieldIndices(c.Name)
		if len(at) != 1 {
			return nil, fmt.Errorf("%w: the rows have no id %q", ErrKey, c.Name)
		}
		arrays[i] = record.Column(at[0])
	}
	return k.Encoder(arrays)
}

// Append appends the key of a row.
func (e *Encoder) Append(key []byte, row int) []byte {
	for i, column := range e.columns {
		if e.nulls[i].IsNull(row) {
			key = append(key, isNull)
			continue
		}
		key = column(key, row)
	}
	return key
}

// encoder returns nil for a type that is not exact in k.
func (k kind) encoder(a arrow.Array) func(key []byte, row int) []byte {
	switch a := a.(type) {
	case *array.Int8:
		return k.integer(a, func(i int) int64 { return int64(a.Value(i)) })
	case *array.Int16:
		return k.integer(a, func(i int) int64 { return int64(a.Value(i)) })
	case *array.Int32:
		return k.integer(a, func(i int) int64 { return int64(a.Value(i)) })
	case *array.Int64:
		return k.integer(a, a.Value)
	case *array.Date32:
		if k.typ == table.Date {
			return func(key []byte, i int) []byte { return appendInteger(key, int64(a.Value(i))) }
		}
	case *array.Timestamp:
		if k.typ == table.Timestamp && a.DataType().(*arrow.TimestampType).Unit == arrow.Microsecond {
			return func(key []byte, i int) []byte { return appendInteger(key, int64(a.Value(i))) }
		}
	case *array.Boolean:
		if k.typ == table.Boolean {
			return func(key []byte, i int) []byte { return appendBoolean(key, a.Value(i)) }
		}
	case *array.Decimal128:
		return k.decimalEncoder(a)
	case *array.Float32:
		if k.form == asFloat || k.form == asDouble {
			return func(key []byte, i int) []byte { return appendDouble(key, float64(a.Value(i))) }
		}
	case *array.Float64:
		if k.form == asDouble {
			return func(key []byte, i int) []byte { return appendDouble(key, a.Value(i)) }
		}
	default:
		if value, isText := bytesOf(a); value != nil && k.form == asBytes && isText == (k.typ == table.String) {
			return func(key []byte, i int) []byte { return appendBytes(key, value(i)) }
		}
	}
	return nil
}

func (k kind) integer(a arrow.Array, value func(i int) int64) func(key []byte, row int) []byte {
	if !fits[a.DataType().ID()].Fits(k.typ) {
		return nil
	}
	switch k.form {
	case asInt, asLong:
		return func(key []byte, i int) []byte { return appendInteger(key, value(i)) }
	case asDouble:
		return func(key []byte, i int) []byte { return appendDouble(key, float64(value(i))) }
	case asDecimal:
		return func(key []byte, i int) []byte {
			return appendDecimal(key, decimal128.FromI64(value(i)).IncreaseScaleBy(int32(k.scale)))
		}
	}
	return nil
}

func (k kind) decimalEncoder(a *array.Decimal128) func(key []byte, row int) []byte {
	t := a.DataType().(*arrow.Decimal128Type)
	if k.form != asDecimal || !table.Decimal(int(t.Precision), int(t.Scale)).Fits(k.typ) {
		return nil
	}
	more := int32(k.scale) - t.Scale
	if more == 0 {
		return func(key []byte, i int) []byte { return appendDecimal(key, a.Value(i)) }
	}
	return func(key []byte, i int) []byte { return appendDecimal(key, a.Value(i).IncreaseScaleBy(more)) }
}
