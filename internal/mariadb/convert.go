package mariadb

import (
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

const (
	batchRows  = 16 << 10
	batchBytes = 8 << 20
)

// converters append rows as the server sends them to typed columns: one reader per column, resolved once per
// result. They are for one goroutine.
type converters struct {
	schema    *arrow.Schema
	columns   []columnReader
	reads     []readCell // one per column, side by side: every cell goes through one
	zone      *time.Location
	failZero  bool // zero_dates: fail
	zeroDates int64
	limit     int // rows of a batch
	rows      int
	size      int64 // about how many bytes the rows in hand take
}

// columnReader reads one column of the batch in hand.
type columnReader struct {
	table.SourceColumn
	vector vector
	field  field
}

// moved says that a TIMESTAMP came where a DATETIME was planned, or the other way round: the window was worked out in the wrong zone.
func (c *columnReader) moved() bool {
	planned := c.source().base
	return c.field.encoding == asInstant && planned == "datetime" || c.field.encoding == asDatetime && planned == "timestamp"
}

func newConverters(req ExtractRequest, zone *time.Location, schema *arrow.Schema, pool *arrowfile.Pool) *converters {
	c := &converters{schema: schema, zone: zone, failZero: req.Spec.ZeroDates == "fail"}
	c.limit = min(batchRows, batchBytes/(8*max(1, len(req.Plan.Columns)))+1) // a wide table has no room for more
	for i, planned := range req.Plan.Columns {
		c.columns = append(c.columns, columnReader{SourceColumn: planned, vector: newVector(pool, schema.Field(i).Type, c.limit)})
	}
	return c
}

// bind resolves how each column of a result is read. Rows in hand stay.
func (c *converters) bind(fields []field) error {
	if len(fields) != len(c.columns) {
		return fmt.Errorf("the query returned %d columns, not %d", len(fields), len(c.columns))
	}
	c.reads = c.reads[:0]
	for i := range c.columns {
		column := &c.columns[i]
		if column.field = fields[i]; column.moved() {
			return c.fault(column, "what it holds", errKind)
		}
		c.reads = append(c.reads, c.reader(column))
	}
	return nil
}

// append takes one row packet, and copies what it keeps.
func (c *converters) append(p []byte) error {
	at := 1 + (len(c.columns)+7+2)/8 // behind the bitmap of NULLs, which begins at its third bit
	if len(p) < at {
		return errMalformed
	}
	nulls := p[1:at]
	for i, read := range c.reads {
		if nulls[(i+2)>>3]>>((i+2)&7)&1 != 0 {
			column := &c.columns[i]
			if !column.Nullable {
				return c.fault(column, "NULL", errNull)
			}
			column.vector.null(c.rows)
			continue
		}
		next, err := read(p, at, c.rows)
		if err != nil {
			return c.fault(&c.columns[i], c.columns[i].field.shown(p, at), err)
		}
		at = next
	}
	if at != len(p) {
		return errMalformed
	}
	c.size += int64(len(p) + 8*len(c.columns))
	c.rows++
	return nil
}

func (c *converters) fault(column *columnReader, value string, why error) error {
	if errors.Is(why, errMalformed) {
		return fmt.Errorf("%w: column %q", why, column.Name)
	}
	return fmt.Errorf("%w: column %q (%s to %s): %s: %w", ErrValue, column.Name, column.SourceType, column.Type, value, why)
}

// shown is what an error tells of a value: its kind and length, and never what it holds, which may be personal.
func (f *field) shown(p []byte, at int) string {
	if start, end := cellAt(p, at); (f.encoding == asBytes || f.encoding == asBits) && end >= 0 {
		return fmt.Sprintf("a value of %d bytes", end-start)
	}
	return fmt.Sprintf("a value (%s)", f.encoding)
}

func (c *converters) full() bool { return c.rows >= c.limit || c.size >= batchBytes }

// flush returns the rows in hand as a record batch, which the caller releases.
func (c *converters) flush() (arrow.RecordBatch, error) {
	arrays := make([]arrow.Array, len(c.columns))
	defer func() {
		for _, a := range arrays {
			if a != nil {
				a.Release()
			}
		}
	}()
	for i := range c.columns {
		column := &c.columns[i]
		if err := c.checkText(column); err != nil {
			return nil, err
		}
		data := column.vector.take(c.rows)
		arrays[i] = array.MakeFromData(data)
		data.Release()
	}
	batch := array.NewRecordBatch(c.schema, arrays, int64(c.rows))
	c.rows, c.size = 0, 0
	return batch, nil
}

// checkText finds texts that are no valid UTF-8, a batch at a time, which is much cheaper than one by one.
func (c *converters) checkText(column *columnReader) error {
	v, ok := column.vector.(*texts)
	if !ok || column.Type != table.String {
		return nil
	}
	row := v.invalid(c.rows)
	if row >= 0 && lossy(column.Charset) {
		return c.fault(column, "a value in "+column.Charset, errCharacter)
	}
	if row >= 0 {
		return c.fault(column, fmt.Sprintf("a value of %d bytes", len(v.cell(row))), errUTF8)
	}
	return nil
}

// arrowSchema is the plan's columns as Arrow has them.
func arrowSchema(columns []table.SourceColumn) *arrow.Schema {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowType(c.Type), Nullable: c.Nullable}
	}
	return arrow.NewSchema(fields, nil)
}

var arrowTypes = map[table.Type]arrow.DataType{
	table.Byte: arrow.PrimitiveTypes.Int8, table.Short: arrow.PrimitiveTypes.Int16,
	table.Integer: arrow.PrimitiveTypes.Int32, table.Long: arrow.PrimitiveTypes.Int64,
	table.Float: arrow.PrimitiveTypes.Float32, table.Double: arrow.PrimitiveTypes.Float64,
	table.Boolean: arrow.FixedWidthTypes.Boolean, table.String: arrow.BinaryTypes.String,
	table.Binary: arrow.BinaryTypes.Binary, table.Date: arrow.FixedWidthTypes.Date32,
	table.Timestamp: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
}

func arrowType(t table.Type) arrow.DataType {
	if p, s, ok := t.DecimalOf(); ok {
		return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}
	}
	return arrowTypes[t]
}
