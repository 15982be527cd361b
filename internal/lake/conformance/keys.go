package conformance

import (
	"fmt"
	"strings"

	"tributary/internal/table"
)

// testKeys merges rows whose ids differ in little.
func testKeys(s *suite) {
	const columns = "s string; d decimal(20,0); t timestamp; b binary; v string"
	keys := func(b *table.Batch) { b.Keys = []string{"s", "d", "t", "b"} }
	const d, t = "18446744073709551615", "2024-01-01 00:00:00+00"
	ids := []string{
		"'a', " + d + ", '" + t + "', 'b'",
		"'A', " + d + ", '" + t + "', 'b'",
		"'a ', " + d + ", '" + t + "', 'b'",
		"'', " + d + ", '" + t + "', 'b'",
		"'ä', " + d + ", '" + t + "', 'b'",
		"'a' || chr(776), " + d + ", '" + t + "', 'b'",
		"'a', 18446744073709551614, '" + t + "', 'b'",
		"'a', " + d + ", '2024-01-01 00:00:00.000001+00', 'b'",
		"'a', " + d + ", '" + t + "', '\\xFF'",
	}
	batch := func(v string, ids []string, set ...func(*table.Batch)) table.Batch {
		rows := "SELECT s, d::DECIMAL(20,0) AS d, t::TIMESTAMPTZ AS t, b::BLOB AS b, '" + v + "' AS v FROM (VALUES (" + strings.Join(ids, "), (") + ")) x(s, d, t, b)"
		return s.batch(s.acme(), columns, rows, append(set, keys)...)
	}
	first := batch("old", ids)
	s.merge("9 0 0", first)
	s.merge("0 0 0", first)
	s.merge("0 2 7", batch("new", []string{ids[0], ids[8], ids[0]}, reload))
	s.rows("SELECT v, count(*) FROM orders GROUP BY v", "new 2")
}

// testDeletes merges soft deletes whose columns are of different types, in one call.
func testDeletes(s *suite) {
	var batches []table.Batch
	for client, column := range []struct{ kind, gone, here string }{
		{"boolean", "true", "false"},
		{"byte", "1::TINYINT", "0::TINYINT"},
		{"decimal(5,2)", "0.01::DECIMAL(5,2)", "0::DECIMAL(5,2)"},
		{"double", "0.5::DOUBLE", "0::DOUBLE"},
		{"timestamp", "TIMESTAMPTZ '1970-01-01 00:00:00+00'", "NULL::TIMESTAMPTZ"},
		{"date", "DATE '1970-01-01'", "NULL::DATE"},
		{"string", "'Y'", "'False'"},
		{"string", "'no'", "''"},
		{"string", "' '", "'0'"},
	} {
		name := fmt.Sprintf("gone%d", client)
		rows := fmt.Sprintf("FROM (VALUES (1::BIGINT, %s), (2, %s), (3, NULL)) x(id, %s)", column.gone, column.here, name)
		batches = append(batches, s.batch(s.ref(fmt.Sprintf("c%d", client)), "id long; "+name+" "+column.kind, rows, func(b *table.Batch) { b.Deleted = name }))
	}
	counts := strings.TrimSuffix(strings.Repeat("2 0 0, ", len(batches)), ", ")
	s.merge(counts, batches...)
	s.rows("SELECT id, count(*) FROM orders GROUP BY id ORDER BY id", "2 9", "3 9")
}
