package steps

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"tributary/internal/table"
)

var arrowTypes = map[table.Type]arrow.DataType{
	table.Byte:      arrow.PrimitiveTypes.Int8,
	table.Short:     arrow.PrimitiveTypes.Int16,
	table.Integer:   arrow.PrimitiveTypes.Int32,
	table.Long:      arrow.PrimitiveTypes.Int64,
	table.Float:     arrow.PrimitiveTypes.Float32,
	table.Double:    arrow.PrimitiveTypes.Float64,
	table.Boolean:   arrow.FixedWidthTypes.Boolean,
	table.String:    arrow.BinaryTypes.String,
	table.Binary:    arrow.BinaryTypes.Binary,
	table.Date:      arrow.FixedWidthTypes.Date32,
	table.Timestamp: arrow.FixedWidthTypes.Timestamp_us, // UTC
}

var duckTypes = map[table.Type]string{
	table.Byte:      "TINYINT",
	table.Short:     "SMALLINT",
	table.Integer:   "INTEGER",
	table.Long:      "BIGINT",
	table.Float:     "FLOAT",
	table.Double:    "DOUBLE",
	table.Boolean:   "BOOLEAN",
	table.String:    "VARCHAR",
	table.Binary:    "BLOB",
	table.Date:      "DATE",
	table.Timestamp: "TIMESTAMP WITH TIME ZONE",
}

// storedTypes are DuckDB's types that Delta lacks but that fit whole into one that it has.
var storedTypes = map[string]table.Type{
	"UTINYINT":     table.Short,
	"USMALLINT":    table.Integer,
	"UINTEGER":     table.Long,
	"UBIGINT":      table.Decimal(20, 0),
	"HUGEINT":      table.Decimal(38, 0), // a value of 39 digits fails the run
	"TIMESTAMP":    table.Timestamp,      // taken as UTC
	"TIMESTAMP_S":  table.Timestamp,
	"TIMESTAMP_MS": table.Timestamp,
	"UUID":         table.String,
	"JSON":         table.String,
}

// arrowType is the type of a raw file's column.
func arrowType(t table.Type) (arrow.DataType, error) {
	if p, s, ok := t.DecimalOf(); ok {
		return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}, nil
	}
	if found, ok := arrowTypes[t]; ok {
		return found, nil
	}
	return nil, fmt.Errorf("%w: %q", ErrType, t)
}

// duckType is the DuckDB type that holds t.
func duckType(t table.Type) (string, error) {
	if p, s, ok := t.DecimalOf(); ok {
		return fmt.Sprintf("DECIMAL(%d,%d)", p, s), nil
	}
	if found, ok := duckTypes[t]; ok {
		return found, nil
	}
	return "", fmt.Errorf("%w: %q", ErrType, t)
}

// deltaType is the Delta type in which a result of DuckDB's type is stored, exactly.
func deltaType(duck string) (table.Type, error) {
	for t, name := range duckTypes {
		if name == duck {
			return t, nil
		}
	}
	if t, ok := storedTypes[duck]; ok {
		return t, nil
	}
	if args, ok := strings.CutPrefix(duck, "DECIMAL("); ok {
		p, s, _ := strings.Cut(strings.TrimSuffix(args, ")"), ",")
		precision, errP := strconv.Atoi(p)
		scale, errS := strconv.Atoi(s)
		if errP == nil && errS == nil {
			return table.Decimal(precision, scale), nil
		}
	}
	if strings.HasPrefix(duck, "ENUM(") {
		return table.String, nil
	}
	return "", fmt.Errorf("%w: the result is %s; cast it, for example to VARCHAR, BIGINT or TIMESTAMPTZ", ErrType, duck)
}

// arrowSchema is the schema that a raw file must have.
func arrowSchema(columns table.Schema) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		t, err := arrowType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: true}
	}
	return arrow.NewSchema(fields, nil), nil
}
