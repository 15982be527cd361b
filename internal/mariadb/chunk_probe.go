package mariadb

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// points returns values above first and up to last, in the server's order.
func (s *splitter) points(prefix bound, c keyColumn, first, last string, wanted int) ([]string, error) {
	if c.kind != keyText && c.kind != keyBinary && c.kind != keyUUID {
		return between(c, first, last, wanted)
	}
	probes, err := s.probes(prefix, c, first, last, wanted)
	if err != nil || len(probes) == 0 {
		return nil, err
	}
	var points []string
	for probes := range slices.Chunk(probes, maxProbes) {
		found, err := s.look(c, probes)
		if err != nil {
			return nil, err
		}
		points = append(points, found...)
	}
	if len(probes) <= maxProbes || len(points) == 0 {
		return points, nil
	}
	values := make([]string, 0, len(points)) // of several statements: have the server order them all
	for _, point := range points {
		value, err := c.literal(point)
		if err != nil {
			return nil, err
		}
		values = append(values, "(SELECT "+c.quoted()+" AS v"+s.from()+" WHERE "+prefixed(prefix, s.key, c.quoted()+" = "+value)+" LIMIT 1)")
	}
	return s.look(c, values)
}

// prefixed is a condition on the rows that have the prefix's values. The values are checked where the bounds are made.
func prefixed(prefix bound, key []keyColumn, condition string) string {
	var parts []string
	for i, value := range prefix {
		text, err := key[i].literal(value)
		if err != nil {
			return "FALSE"
		}
		parts = append(parts, key[i].quoted()+" = "+text)
	}
	return strings.Join(append(parts, condition), " AND ")
}

// probes are statements that each return the first key at or above one guess: what a collation makes of the order of texts,
// and a server of the bytes of a UUID, only the server knows, so the guesses need not be right.
func (s *splitter) probes(prefix bound, c keyColumn, first, last string, wanted int) ([]string, error) {
	low, err := c.literal(first)
	if err != nil {
		return nil, err
	}
	high, err := c.literal(last)
	if err != nil {
		return nil, err
	}
	guesses, err := s.guesses(c, first, last, wanted)
	if err != nil {
		return nil, err
	}
	column := c.quoted()
	probes := make([]string, len(guesses))
	for i, guess := range guesses {
		within := prefixed(prefix, s.key, fmt.Sprintf("%[1]s > %[2]s AND %[1]s <= %[3]s AND %[1]s >= %[4]s", column, low, high, guess))
		probes[i] = "(SELECT " + column + " AS v" + s.from() + " WHERE " + within + " ORDER BY " + column + " LIMIT 1)"
	}
	return probes, nil
}

// look runs probes and returns what they find, each value once.
func (s *splitter) look(c keyColumn, probes []string) (found []string, err error) {
	query := "SELECT " + c.shown("v") + " FROM (" + strings.Join(probes, " UNION ALL ") + ") AS p GROUP BY v ORDER BY v"
	err = s.query(query, func(rows *sql.Rows) error {
		var value string
		err := rows.Scan(&value)
		found = append(found, value)
		return err
	})
	return found, err
}
