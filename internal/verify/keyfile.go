package verify

import (
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// parquetFile writes a Parquet file as the steps do.
type parquetFile struct {
	file   *os.File
	writer *pqarrow.FileWriter
	rows   int64
}

func createParquet(path string, schema *arrow.Schema) (*parquetFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDictionaryDefault(false))
	writer, err := pqarrow.NewFileWriter(schema, file, properties, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &parquetFile{file: file, writer: writer}, nil
}

func (f *parquetFile) write(b arrow.RecordBatch) error {
	f.rows += b.NumRows()
	return f.writer.WriteBuffered(b)
}

// close ends the file, which is closed with its writer.
func (f *parquetFile) close() (table.File, error) {
	if err := f.writer.Close(); err != nil {
		return table.File{}, err
	}
	info, err := os.Stat(f.file.Name())
	if err != nil {
		return table.File{}, err
	}
	return table.File{Path: f.file.Name(), Rows: f.rows, Bytes: info.Size()}, nil
}

// keyFile writes keys, by their columns' names and types.
type keyFile struct {
	*parquetFile
	keys    *rowhash.Keys
	builder *array.RecordBuilder
	more    func(*array.RecordBuilder) // appends the columns after those of the key
}

const keysAtOnce = 1 << 16

func createKeys(path string, keys *rowhash.Keys, more []arrow.Field, fill func(*array.RecordBuilder)) (*keyFile, error) {
	var fields []arrow.Field
	for _, c := range keys.Columns() {
		t, err := arrowType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("id %q: %w", c.Name, err)
		}
		fields = append(fields, arrow.Field{Name: c.Name, Type: t, Nullable: true})
	}
	schema := arrow.NewSchema(append(fields, more...), nil)
	file, err := createParquet(path, schema)
	if err != nil {
		return nil, err
	}
	return &keyFile{parquetFile: file, keys: keys, builder: array.NewRecordBuilder(memory.DefaultAllocator, schema), more: fill}, nil
}

func (f *keyFile) add(key rowhash.Key) error {
	values, err := f.keys.Values(key)
	if err != nil {
		return err
	}
	for i, v := range values {
		if err := appendTo(f.builder.Field(i), v); err != nil {
			return err
		}
	}
	if f.more != nil {
		f.more(f.builder)
	}
	if f.builder.Field(0).Len() < keysAtOnce {
		return nil
	}
	return f.flush()
}

func (f *keyFile) flush() error {
	batch := f.builder.NewRecordBatch()
	defer batch.Release()
	return f.write(batch)
}

func (f *keyFile) close() (table.File, error) {
	if err := f.flush(); err != nil {
		return table.File{}, err
	}
	f.builder.Release()
	return f.parquetFile.close()
}

var arrowTypes = map[table.Type]arrow.DataType{
	table.Byte: arrow.PrimitiveTypes.Int8, table.Short: arrow.PrimitiveTypes.Int16, table.Integer: arrow.PrimitiveTypes.Int32,
	table.Long: arrow.PrimitiveTypes.Int64, table.Float: arrow.PrimitiveTypes.Float32, table.Double: arrow.PrimitiveTypes.Float64,
	table.Boolean: arrow.FixedWidthTypes.Boolean, table.String: arrow.BinaryTypes.String, table.Binary: arrow.BinaryTypes.Binary,
	table.Date: arrow.FixedWidthTypes.Date32, table.Timestamp: arrow.FixedWidthTypes.Timestamp_us,
}

func arrowType(t table.Type) (arrow.DataType, error) {
	if p, s, ok := t.DecimalOf(); ok {
		return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}, nil
	}
	if found, ok := arrowTypes[t]; ok {
		return found, nil
	}
	return nil, fmt.Errorf("%w: %q", rowhash.ErrType, t)
}

// appendTo appends a value of a key.
func appendTo(b array.Builder, value any) error {
	switch v := value.(type) {
	case nil:
		b.AppendNull()
		return nil
	case int64:
		appendInteger(b, v)
		return nil
	case float64:
		if narrow, ok := b.(*array.Float32Builder); ok {
			narrow.Append(float32(v))
			return nil
		}
		b.(*array.Float64Builder).Append(v)
		return nil
	case bool:
		b.(*array.BooleanBuilder).Append(v)
		return nil
	case []byte:
		b.(*array.BinaryBuilder).Append(v)
		return nil
	case string:
		if texts, ok := b.(*array.StringBuilder); ok {
			texts.Append(v)
			return nil
		}
		decimals := b.(*array.Decimal128Builder)
		n, ok := rowhash.ParseDecimal(v, int(decimals.Type().(*arrow.Decimal128Type).Scale))
		if !ok {
			return fmt.Errorf("%q is no decimal", v)
		}
		decimals.Append(n)
		return nil
	}
	return fmt.Errorf("a value of type %T is no id", value)
}

func appendInteger(b array.Builder, v int64) {
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(v)
	case *array.Date32Builder:
		b.Append(arrow.Date32(v))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v))
	}
}
