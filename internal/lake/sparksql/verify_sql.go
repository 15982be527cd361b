package sparksql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// verifySQL writes the statements of a fingerprint.
type verifySQL struct{ of lake.Fingerprint }

// from is the client's rows of the version, without those that are left out.
func (v verifySQL) from() string {
	ref := v.of.Ref
	where := fmt.Sprintf("%s = %s AND %s = %s", quote(table.RegionColumn), literal(ref.Region), quote(table.ClientColumn), literal(ref.Client))
	if v.of.Current != "" {
		where += " AND " + quote(v.of.Current)
	}
	rows := fmt.Sprintf("(SELECT %s FROM %s VERSION AS OF %d WHERE %s) AS t", quoteAll(v.of.Layout.Hasher.Columns().Names()),
		tableName(ref.Schema, ref.Table), v.of.Version, where)
	for i, file := range v.of.Except {
		e := "e" + strconv.Itoa(i)
		var same []string
		for _, key := range v.of.Layout.Keys.Columns() {
			same = append(same, fmt.Sprintf("t.%s = %s.%[1]s", quote(key.Name), e))
		}
		rows += fmt.Sprintf(" LEFT ANTI JOIN parquet.%s AS %s ON %s", quote(file.Path), e, strings.Join(same, " AND "))
	}
	return rows
}

func (v verifySQL) hash() string { return v.of.Layout.Hasher.SQL(quote) }

// checksums sums by range: the low and the high half of the hashes apart, as a sum of longs overflows.
func (v verifySQL) checksums() string {
	inner, outer := "", ""
	if v.of.Layout.Cursor != nil {
		c := v.of.Layout.Cursor.Columns()[0]
		inner = ", " + quote(c.Name) + " AS `c`"
		outer = ", " + keyValue("min(`c`)", c.Type) + ", " + keyValue("max(`c`)", c.Type)
	}
	return "SELECT `r`, count(*), sum(`h` & 4294967295L), sum(shiftrightunsigned(`h`, 32)), bit_xor(`h`)" + outer +
		fmt.Sprintf(" FROM (SELECT %s AS `r`, %s AS `h`%s FROM %s) GROUP BY `r`", v.rangeOf(), v.hash(), inner, v.from())
}

// rangeOf is the number of a row's range, found by halves.
func (v verifySQL) rangeOf() string {
	var half func(from, to int) string
	half = func(from, to int) string {
		if from == to {
			return strconv.Itoa(from)
		}
		middle := (from + to) / 2
		return fmt.Sprintf("IF(%s, %s, %s)", v.below(v.of.Layout.Ranges[middle]), half(from, middle), half(middle+1, to))
	}
	return half(0, len(v.of.Layout.Ranges))
}

// below is true for rows whose key is less than a bound, and never NULL; a NULL is less than all values.
func (v verifySQL) below(bound rowhash.Key) string {
	ids := v.of.Layout.Keys.Columns()
	values, err := v.of.Layout.Keys.Values(bound)
	if err != nil {
		return "false" // no bound of this layout: the row is then found in another range, and so found to differ
	}
	var terms []string
	for i, id := range ids {
		if values[i] == nil {
			continue // nothing is less
		}
		var term []string
		for j := range i {
			term = append(term, fmt.Sprintf("%s <=> %s", quote(ids[j].Name), keyLiteral(ids[j], values[j])))
		}
		term = append(term, fmt.Sprintf("coalesce(%s < %s, true)", quote(id.Name), keyLiteral(id, values[i])))
		terms = append(terms, strings.Join(term, " AND "))
	}
	return "(" + strings.Join(append(terms, "false"), " OR ") + ")"
}

// rows selects the keys and hashes of a part.
func (v verifySQL) rows(part rowhash.Part) string {
	var within []string
	for _, i := range joined(part) {
		bounds := []string{"true"}
		if i.From != "" {
			bounds = append(bounds, "NOT "+v.below(i.From))
		}
		if i.To != "" {
			bounds = append(bounds, v.below(i.To))
		}
		within = append(within, "("+strings.Join(bounds, " AND ")+")")
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s", strings.Join(v.keyValues(), ", "), v.hash(), v.from(), strings.Join(within, " OR "))
}

// joined puts neighbouring intervals together.
func joined(part rowhash.Part) rowhash.Part {
	var all rowhash.Part
	for _, i := range part {
		if n := len(all) - 1; n >= 0 && all[n].To == i.From {
			all[n].To = i.To
			continue
		}
		all = append(all, i)
	}
	return all
}

// cells selects the keys and every column's hash of the rows with those keys.
func (v verifySQL) cells(keys []rowhash.Key) string {
	ids := v.of.Layout.Keys.Columns()
	var either []string
	for _, key := range keys {
		values, err := v.of.Layout.Keys.Values(key)
		if err != nil {
			continue // of another layout: no row has it
		}
		var all []string
		for i, id := range ids {
			all = append(all, fmt.Sprintf("%s <=> %s", quote(id.Name), keyLiteral(id, values[i])))
		}
		either = append(either, "("+strings.Join(all, " AND ")+")")
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s", strings.Join(v.keyValues(), ", "),
		strings.Join(v.of.Layout.Hasher.CellsSQL(quote), ", "), v.from(), strings.Join(append(either, "false"), " OR "))
}

func (v verifySQL) keyValues() []string {
	var values []string
	for _, c := range v.of.Layout.Keys.Columns() {
		values = append(values, keyValue(quote(c.Name), c.Type))
	}
	return values
}

// keyValue selects a value as rowhash.Keys.Encode takes it.
func keyValue(expression string, t table.Type) string {
	if _, _, ok := t.DecimalOf(); ok {
		return "CAST(" + expression + " AS STRING)"
	}
	switch t {
	case table.Byte, table.Short, table.Integer:
		return "CAST(" + expression + " AS BIGINT)"
	case table.Date:
		return "CAST(unix_date(" + expression + ") AS BIGINT)"
	case table.Timestamp:
		return "unix_micros(" + expression + ")"
	case table.Float:
		return "CAST(" + expression + " AS DOUBLE)"
	}
	return expression
}

// keyLiteral writes a value of rowhash.Keys.Values as a literal of the id's type.
func keyLiteral(c table.Column, value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case int64:
		switch c.Type {
		case table.Date:
			return fmt.Sprintf("date_from_unix_date(%d)", v)
		case table.Timestamp:
			return fmt.Sprintf("timestamp_micros(%s)", long(v))
		}
		return fmt.Sprintf("CAST(%s AS %s)", long(v), sqlType(c.Type))
	case []byte:
		return "X'" + hex.EncodeToString(v) + "'"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return fmt.Sprintf("CAST('%s' AS %s)", strconv.FormatFloat(v, 'g', -1, 64), sqlType(c.Type))
	}
	if c.Type == table.String {
		return literal(fmt.Sprint(value))
	}
	return fmt.Sprintf("CAST('%v' AS %s)", value, sqlType(c.Type)) // a decimal
}

// long writes a whole number; Spark reads the smallest as a minus before a number that is too large.
func long(v int64) string { return fmt.Sprintf("CAST('%d' AS BIGINT)", v) }
