package mariadb

import (
	"fmt"
	"strings"
)

// bound is where a chunk begins or ends: values of the leading columns of the primary key, in the text that
// keyColumn.literal takes. It orders below all rows that have these values. Nil is open.
type bound []string

// span is the rows from low on and below high, in the order that the server gives the key. Spans that share their bounds
// are disjoint and leave nothing out, whatever the collation: the server itself compares, once with >= and once with <, and no
// column of a primary key is NULL.
type span struct {
	Low  bound `json:"low,omitempty"`
	High bound `json:"high,omitempty"`
}

// condition is the span as SQL that MariaDB turns into one range of the primary key; "" for the whole table.
func (s span) condition(key []keyColumn) (string, error) {
	var parts []string
	for _, side := range []struct {
		bound       bound
		beyond, end string
	}{{s.Low, ">", ">="}, {s.High, "<", "<"}} {
		if side.bound == nil {
			continue
		}
		part, err := side.bound.condition(key, side.beyond, side.end)
		if err != nil {
			return "", err
		}
		parts = append(parts, "("+part+")")
	}
	return strings.Join(parts, " AND "), nil
}

// condition compares rows with the bound: a > x OR a = x AND (b > y OR b = y AND c >= z).
func (b bound) condition(key []keyColumn, beyond, end string) (string, error) {
	if len(b) == 0 || len(b) > len(key) {
		return "", fmt.Errorf("a bound of %d values for a key of %d columns", len(b), len(key))
	}
	value, err := key[0].literal(b[0])
	if err != nil {
		return "", err
	}
	column := key[0].quoted()
	if len(b) == 1 {
		return column + " " + end + " " + value, nil
	}
	rest, err := b[1:].condition(key[1:], beyond, end)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%[1]s %[2]s %[3]s OR %[1]s = %[3]s AND (%[4]s)", column, beyond, value, rest), nil
}

// Sizes of chunks. A chunk is worth a query of its own, and what a killed worker loses of it can be read again soon.
type chunking struct {
	rows, bytes int64 // of a table that is worth cutting: two times as many, about
	parts       int64 // that so much is cut into then, so that all connections come to their end together; 0 is 1
	most        int64 // chunks of one table
}

var defaultChunking = chunking{rows: 500_000, bytes: 64 << 20, parts: 3, most: 512}

// slowest is how many rows a second even a slow server sends over a slow line.
const slowest = 10_000

// rowsPerChunk is about how many rows a chunk should have; as many as there are, or more, is one chunk.
func (c chunking) rowsPerChunk(size tableSize, most int64) int64 {
	n := max(size.rows/c.rows, size.bytes/c.bytes, 1)
	if n > 1 {
		n *= max(c.parts, 1)
	}
	rows := max(size.rows/min(n, c.most), 1)
	if most > 0 {
		rows = min(rows, max(most, size.rows/(8*c.most), 1))
	}
	return rows
}

// large says whether reading the table in full is more than a moment's work for its server. A size that is not known, as
// a view's, counts as large.
func (c chunking) large(size tableSize) bool {
	return size.rows == 0 && size.bytes == 0 || size.rows >= c.rows || size.bytes >= c.bytes
}
