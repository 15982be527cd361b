package local

import (
	"fmt"
	"strings"

	"tributary/internal/table"
)

var duckTypes = map[table.Type]string{
	table.Byte: "TINYINT", table.Short: "SMALLINT", table.Integer: "INTEGER", table.Long: "BIGINT",
	table.Float: "FLOAT", table.Double: "DOUBLE", table.Boolean: "BOOLEAN", table.String: "VARCHAR",
	table.Binary: "BLOB", table.Date: "DATE", table.Timestamp: "TIMESTAMP WITH TIME ZONE",
}

// duckType is a central type as DuckDB writes it.
func duckType(t table.Type) string {
	if p, s, ok := t.DecimalOf(); ok {
		return fmt.Sprintf("DECIMAL(%d,%d)", p, s)
	}
	return duckTypes[t]
}

// staged are the DuckDB types that a Parquet file may have beside those of duckTypes, and the central
// type that holds each exactly.
var staged = map[string]table.Type{
	"UTINYINT": table.Short, "USMALLINT": table.Integer, "UINTEGER": table.Long, "UBIGINT": table.Decimal(20, 0),
	"JSON": table.String, "UUID": table.String, "TIMESTAMP": table.Timestamp,
}

// centralType is the central type of a DuckDB type; false when none holds it exactly.
func centralType(duck string) (table.Type, bool) {
	for t, name := range duckTypes {
		if name == duck {
			return t, true
		}
	}
	if strings.HasPrefix(duck, "DECIMAL(") {
		return table.Type(strings.ToLower(duck)), true
	}
	t, ok := staged[duck]
	return t, ok
}
