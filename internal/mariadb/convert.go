package mariadb

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/table"
)

const (
	batchRows  = 16 << 10
	batchBytes = 8 << 20
)

// converters append rows to typed columns, one converter per column, resolved once. They are for one goroutine.
type converters struct {
	builder   *array.RecordBuilder
	appends   []appendValue
	plan      []table.SourceColumn
	failZero  bool // zero_dates: fail
	zeroDates int64
	rows      int
	size      int64 // about how many bytes the rows in hand take
}

// appendValue appends a value that is not NULL.
type appendValue func(v driver.Value) error

func newConverters(req ExtractRequest, zone *time.Location, schema *arrow.Schema) *converters {
	c := &converters{
		builder: array.NewRecordBuilder(newPool(), schema), plan: req.Plan.Columns,
		failZero: req.Spec.ZeroDates == "fail",
	}
	for i, column := range c.plan {
		c.appends = append(c.appends, c.converter(column, zone, c.builder.Field(i)))
	}
	c.builder.Reserve(batchRows)
	return c
}

// append takes one row. The bytes in row are the driver's and are copied.
func (c *converters) append(row []driver.Value) error {
	for i, v := range row {
		if v == nil {
			if !c.plan[i].Nullable {
				return c.fault(i, "NULL", "the column is NOT NULL; plan the table again")
			}
			c.builder.Field(i).AppendNull()
			continue
		}
		if text, ok := v.([]byte); ok {
			c.size += int64(len(text))
		}
		if err := c.appends[i](v); err != nil {
			return c.fault(i, shown(v), err.Error())
		}
	}
	c.size += int64(8 * len(row))
	c.rows++
	return nil
}

func (c *converters) fault(i int, value, why string) error {
	column := c.plan[i]
	return fmt.Errorf("%w: column %q (%s to %s): %s: %s", ErrValue, column.Name, column.SourceType, column.Type, value, why)
}

// shown is what an error tells of a value: its kind and length, and never what it holds, which may be personal.
func shown(v driver.Value) string {
	if text, ok := v.([]byte); ok {
		return fmt.Sprintf("a value of %d bytes", len(text))
	}
	return fmt.Sprintf("a value (%T)", v)
}

func (c *converters) full() bool { return c.rows >= batchRows || c.size >= batchBytes }

// flush returns the rows in hand as a record batch, which the caller releases.
func (c *converters) flush() arrow.RecordBatch {
	batch := c.builder.NewRecordBatch()
	c.rows, c.size = 0, 0
	c.builder.Reserve(batchRows)
	return batch
}

func (c *converters) release() { c.builder.Release() }

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
