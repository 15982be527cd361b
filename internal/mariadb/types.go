package mariadb

import (
	"fmt"
	"strconv"
	"strings"

	"tributary/internal/table"
)

// sourceType is a column's type as the source writes it, taken apart: "decimal(12,2) unsigned".
type sourceType struct {
	base     string // lower case, without arguments: "decimal"
	args     []int  // the numbers in parentheses, none for enum and set
	unsigned bool
}

func parseType(text string) sourceType {
	lower := strings.ToLower(text)
	end := strings.IndexAny(lower, "( ")
	if end < 0 {
		return sourceType{base: lower}
	}
	t := sourceType{base: lower[:end]}
	rest := lower[end:]
	if t.base == "enum" || t.base == "set" {
		return t
	}
	if inner, after, ok := strings.Cut(strings.TrimPrefix(rest, "("), ")"); ok && rest[0] == '(' {
		for arg := range strings.SplitSeq(inner, ",") {
			if n, err := strconv.Atoi(strings.TrimSpace(arg)); err == nil {
				t.args = append(t.args, n)
			}
		}
		rest = after
	}
	t.unsigned = strings.Contains(rest, "unsigned") || strings.Contains(rest, "zerofill")
	return t
}

// arg returns the i-th number in parentheses, or fallback when the source left it out.
func (t sourceType) arg(i, fallback int) int {
	if i < len(t.args) {
		return t.args[i]
	}
	return fallback
}

var integers = map[string][2]table.Type{ // signed, unsigned
	"tinyint":   {table.Byte, table.Short},
	"smallint":  {table.Short, table.Integer},
	"mediumint": {table.Integer, table.Integer},
	"int":       {table.Integer, table.Long},
	"bigint":    {table.Long, table.Decimal(20, 0)},
}

var plain = map[string]table.Type{
	"float": table.Float, "double": table.Double,
	"year": table.Short, "date": table.Date, "datetime": table.Timestamp, "timestamp": table.Timestamp,
	"time": table.String,
	"char": table.String, "varchar": table.String, "tinytext": table.String, "text": table.String,
	"mediumtext": table.String, "longtext": table.String, "enum": table.String, "set": table.String,
	"json": table.String, "uuid": table.String, "inet4": table.String, "inet6": table.String,
	"binary": table.Binary, "varbinary": table.Binary, "tinyblob": table.Binary, "blob": table.Binary,
	"mediumblob": table.Binary, "longblob": table.Binary,
	"geometry": table.Binary, "point": table.Binary, "linestring": table.Binary, "polygon": table.Binary,
	"multipoint": table.Binary, "multilinestring": table.Binary, "multipolygon": table.Binary,
	"geometrycollection": table.Binary, "geomcollection": table.Binary,
}

// maxDecimal is the most digits that Delta's decimal holds; MariaDB goes to 65.
const maxDecimal = table.MaxPrecision

// deltaType maps a source type as DESIGN.md's table says; a type that is not in it is ErrUnsupported.
func (t sourceType) deltaType(tinyBoolean bool) (table.Type, error) {
	if pair, ok := integers[t.base]; ok {
		switch {
		case t.unsigned:
			return pair[1], nil
		case t.base == "tinyint" && t.arg(0, 4) == 1 && tinyBoolean:
			return table.Boolean, nil
		}
		return pair[0], nil
	}
	if typ, ok := plain[t.base]; ok {
		return typ, nil
	}
	switch t.base {
	case "decimal":
		if p := t.arg(0, 10); p <= maxDecimal {
			return table.Decimal(p, t.arg(1, 0)), nil
		}
		return table.String, nil
	case "bit":
		switch n := t.arg(0, 1); {
		case n == 1:
			return table.Boolean, nil
		case n < 64:
			return table.Long, nil
		}
		return table.Binary, nil
	}
	return "", fmt.Errorf("%w: type %q; exclude the column", ErrUnsupported, t.base)
}

// temporal says whether values may be zero or impossible dates, which become NULL.
func (t sourceType) temporal() bool {
	return t.base == "date" || t.base == "datetime" || t.base == "timestamp"
}

// spatial says whether the column is read as WKB.
func (t sourceType) spatial() bool {
	typ, ok := plain[t.base]
	return ok && typ == table.Binary && !strings.HasSuffix(t.base, "binary") && !strings.HasSuffix(t.base, "blob")
}

// cursorKind is the kind of cursor that a column of this type makes; "" is none.
func (t sourceType) cursorKind() string {
	switch {
	case t.base == "datetime" || t.base == "timestamp":
		return table.CursorTime
	case t.base == "date":
		return table.CursorDate
	case integers[t.base][0] != "":
		return table.CursorInteger
	case t.base == "char" || t.base == "varchar" || t.base == "uuid":
		return table.CursorString
	}
	return ""
}
