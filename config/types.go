package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tributary/config/strict"
	"tributary/internal/table"
)

// sqlTypes are words of other systems for Delta's types, for the fix of a fault.
var sqlTypes = map[string]table.Type{
	"tinyint": table.Byte, "smallint": table.Short, "int": table.Integer, "bigint": table.Long, "int64": table.Long, "real": table.Float,
	"varchar": table.String, "char": table.String, "text": table.String, "json": table.String, "blob": table.Binary, "varbinary": table.Binary, "bytes": table.Binary,
	"datetime": table.Timestamp, "timestamp_ntz": table.Timestamp, "bool": table.Boolean,
}

// types checks the columns that are read as another type. Whether a column can be, only the source knows.
func (k columnCheck) types(written map[string]string) {
	seen := map[string]bool{}
	for _, column := range slices.Sorted(maps.Keys(written)) {
		key := strict.Join(k.key("types"), column)
		k.required(key, column)
		k.isRead(key, column)
		if seen[fold(column)] {
			k.Add(key, "has a type twice, in another case", "keep one of the two")
		}
		seen[fold(column)] = true
		t := table.Type(strings.ToLower(strings.ReplaceAll(written[column], " ", "")))
		if !t.Known() {
			k.Add(key, fmt.Sprintf("%q is no type", written[column]), typeFix(string(t)))
			continue
		}
		if k.spec.Types == nil {
			k.spec.Types = map[string]table.Type{}
		}
		k.spec.Types[column] = t
	}
}

func typeFix(word string) string {
	base, _, _ := strings.Cut(word, "(")
	if strings.HasPrefix(base, "dec") || strings.HasPrefix(base, "num") {
		return fmt.Sprintf(`write "decimal(12,2)", in quotes, with up to %d digits in all and those of them behind the point`, table.MaxPrecision)
	}
	if t, ok := sqlTypes[base]; ok {
		return fmt.Sprintf("did you mean %s?", t)
	}
	var words []string
	for _, t := range table.Types {
		words = append(words, string(t))
	}
	if near := strict.Nearest(base, words); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return strict.OneOf(append(words, `"decimal(p,s)"`))
}
