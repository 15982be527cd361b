package mariadb

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tributary/internal/table"
)

// family is source types that can be read as the same other types.
type family string

// families are those of source types; a type of none is only read as its own.
var families = map[string]family{
	"tinyint": "integer", "smallint": "integer", "mediumint": "integer", "int": "integer", "bigint": "integer",
	"bit": "bit", "decimal": "decimal", "float": "float", "double": "double",
	"year": "year", "date": "date", "datetime": "datetime", "timestamp": "timestamp",
	"char": "text", "varchar": "text", "tinytext": "text", "text": "text", "mediumtext": "text", "longtext": "text", "json": "text",
	"binary": "bytes", "varbinary": "bytes", "tinyblob": "bytes", "blob": "bytes", "mediumblob": "bytes", "longblob": "bytes",
}

// overrides are what `types` may have a column of a family read as, beside its own type. Each value arrives exactly,
// or is ErrValue.
var overrides = map[family][]table.Type{
	"integer":   {table.Boolean, table.Byte, table.Short, table.Integer, table.Long, anyDecimal, table.String},
	"bit":       {table.Boolean, table.Byte, table.Short, table.Integer, table.Long, anyDecimal, table.String},
	"decimal":   {table.Byte, table.Short, table.Integer, table.Long, anyDecimal, table.String},
	"float":     {table.Double, table.String},
	"double":    {table.String},
	"year":      {table.Integer, table.Long, table.String},
	"date":      {table.Timestamp, table.String},
	"datetime":  {table.Date, table.String},
	"timestamp": {table.String},
	"text":      {table.Binary},
	"bytes":     {table.String},
}

func (t sourceType) family() family { return families[t.base] }

// readAs is the type that a column becomes: the one that the spec's types have for its common name, or its own.
func (t sourceType) readAs(spec table.Spec, name string) (table.Type, error) {
	own, err := t.deltaType(spec.TinyInt1 == "boolean")
	if err != nil {
		return "", err
	}
	wanted := own
	for column, typ := range spec.Types {
		if fold(column) == fold(name) {
			wanted = typ
		}
	}
	class := wanted
	if _, _, ok := wanted.DecimalOf(); ok {
		class = anyDecimal
	}
	if wanted == own || slices.Contains(overrides[t.family()], class) {
		return wanted, orders(spec, name, own, wanted)
	}
	return "", fmt.Errorf("%w: types: %s cannot be read as %s; %s", ErrUnsupported, t.base, wanted, allowed(own, overrides[t.family()]))
}

func allowed(own table.Type, others []table.Type) string {
	words := []string{string(own)}
	for _, other := range others {
		if other == anyDecimal {
			other = "decimal(p,s)"
		}
		if other != own {
			words = append(words, string(other))
		}
	}
	if len(words) == 1 {
		return fmt.Sprintf("it can be read as %s only: take it out of types", own)
	}
	return "it can be read as " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// orders refuses types by which the newer of two rows, or a deleted one, would no longer be known: as text, 9 is
// more than 10, and '0' is a value.
func orders(spec table.Spec, name string, own, wanted table.Type) error {
	if wanted == own || wanted != table.String && wanted != table.Binary && wanted != table.Boolean {
		return nil
	}
	switch {
	case fold(name) == fold(spec.Cursor):
		return fmt.Errorf("%w: types: it is the cursor, which cannot be read as %s; take it out of types", ErrUnsupported, wanted)
	case fold(name) == fold(spec.Deletes.Column) && wanted != table.Boolean:
		return fmt.Errorf("%w: types: it is deletes.column, which cannot be read as %s; take it out of types", ErrUnsupported, wanted)
	}
	return nil
}

// typed checks that the columns in the spec's types are there and read.
func (p *planner) typed(read []bool) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(p.spec.Types)) {
		switch i := p.index(name); {
		case i < 0:
			faults = append(faults, fmt.Errorf("%w: column %q (types)%s", ErrMissing, name, nearest(name, p.common)))
		case !read[i]:
			faults = append(faults, fmt.Errorf("%w: column %q is in types, but not read; take it out of types", ErrMissing, p.common[i]))
		}
	}
	return errors.Join(faults...)
}

// columnSQL is the SQL by which a column is read.
func columnSQL(c table.SourceColumn) string {
	t, column := parseType(c.SourceType), table.Quote(c.Source, table.Backtick)
	text := t.family() == "text" || t.base == "enum" || t.base == "set"
	switch {
	case t.spatial():
		return "ST_AsWKB(" + column + ")"
	case c.Type == table.String && t.printed() != "":
		return fmt.Sprintf(t.printed(), column)
	case text && (c.Type == table.Binary || unchecked(c.Charset)):
		return "CONVERT(" + column + " USING binary)" // a CAST is NULL for what is longer than max_allowed_packet
	case text && lossy(c.Charset):
		return fmt.Sprintf(markedSQL, column)
	}
	return column
}

// printed is the SQL that makes the text of a value that is none, as MariaDB prints it; "" where it is sent as text.
// Of FLOAT, MariaDB prints six digits, which are not the value: as a DOUBLE it prints all that tell it.
func (t sourceType) printed() string {
	switch t.family() {
	case "integer", "year", "date", "datetime", "timestamp":
		return "CAST(%s AS CHAR)"
	case "bit":
		return "CAST(%s + 0 AS CHAR)"
	case "float", "double":
		return "CAST(CAST(%s AS DOUBLE) AS CHAR)"
	}
	return ""
}

// unchecked says that the server puts question marks for invalid bytes of a character set that is part of UTF-8. Read as they
// are stored, they are found.
func unchecked(charset string) bool {
	return charset == "utf8mb3" || charset == "utf8" || charset == "ascii"
}

// wholeCharsets are the character sets, but for Unicode's, in which every byte is a character.
var wholeCharsets = []string{
	"latin1", "latin2", "latin5", "latin7", "cp850", "cp852", "cp866", "koi8r", "koi8u", "macce", "macroman", "keybcs2", "armscii8",
}

// lossy says that the server puts question marks, or U+FFFD, for bytes that the character set has no character for, or Unicode
// has not: 98 in cp1251 is the second byte of the UTF-8 И, which programs that mistake the two store there.
func lossy(charset string) bool {
	return charset != "" && charset != "binary" && !unchecked(charset) && !strings.HasPrefix(charset, "utf") && charset != "ucs2" &&
		!slices.Contains(wholeCharsets, charset)
}

// markedSQL is a text of a lossy character set as UTF-8, or a byte that is none where the conversion lost a character: where it made
// question marks that are not stored, or U+FFFD, which only Unicode has. No character's second byte is a question
// mark in these. A REPLACE that is longer than max_allowed_packet is NULL, and nothing is known then.
const markedSQL = "IF(COALESCE(" +
	"OCTET_LENGTH(CONVERT(%[1]s USING utf8mb4)) - OCTET_LENGTH(REPLACE(CONVERT(CONVERT(%[1]s USING utf8mb4) USING binary), '?', '')) = " +
	"OCTET_LENGTH(%[1]s) - OCTET_LENGTH(REPLACE(CONVERT(%[1]s USING binary), '?', '')) " +
	"AND LOCATE(X'EFBFBD', CONVERT(CONVERT(%[1]s USING utf8mb4) USING binary)) = 0, TRUE), " +
	"CONVERT(CONVERT(%[1]s USING utf8mb4) USING binary), X'FF')"
