package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// splitter cuts a table into spans of about as many rows each, from the server's own estimates. It looks single
// keys up in the index and has ranges of it estimated; it never scans.
type splitter struct {
	ctx        context.Context
	conn       *sql.Conn
	table      string // quoted
	key        []keyColumn
	target     int64 // rows of a span
	statements int   // that may still be run
}

const (
	maxStatements = 2000 // of one splitter
	maxPieces     = 32   // that one span is cut into at once
	maxProbes     = 48   // keys looked up in one statement
)

// sized is a span with its estimated rows.
type sized struct {
	span
	rows float64
}

// errIdle is a splitter that may ask no more.
var errIdle = errors.New("enough was asked")

// split returns the spans in the order of the key. A span that cannot be cut further stays as large as it is.
func (s *splitter) split(whole sized) ([]span, error) {
	pieces, err := s.pieces(whole)
	if err != nil {
		return nil, err
	}
	pieces = merge(pieces, float64(s.target))
	spans := make([]span, len(pieces))
	for i, piece := range pieces {
		spans[i] = piece.span
	}
	return spans, nil
}

func (s *splitter) pieces(of sized) ([]sized, error) {
	if of.rows <= 1.5*float64(s.target) {
		return []sized{of}, nil
	}
	parts, err := s.cut(of)
	if errors.Is(err, errIdle) || code(err) != 0 || len(parts) < 2 && err == nil {
		return []sized{of}, nil // as large as it is: one chunk is as right as many
	}
	var pieces []sized
	for _, part := range parts {
		if err == nil {
			var more []sized
			more, err = s.pieces(part)
			pieces = append(pieces, more...)
		}
	}
	return pieces, err
}

// merge joins neighbours that are small together.
func merge(pieces []sized, target float64) []sized {
	var merged []sized
	for _, piece := range pieces {
		if last := len(merged) - 1; last >= 0 && merged[last].rows+piece.rows <= target {
			merged[last].High = piece.High
			merged[last].rows += piece.rows
			continue
		}
		merged = append(merged, piece)
	}
	return merged
}

// cut cuts a span at some values of the first key column in which its first and last row differ.
func (s *splitter) cut(of sized) ([]sized, error) {
	first, err := s.edge(of.span, "ASC")
	if err != nil || first == nil {
		return nil, err
	}
	last, err := s.edge(of.span, "DESC")
	if err != nil || last == nil {
		return nil, err
	}
	wanted := min(2*int(of.rows/float64(s.target))+1, maxPieces)
	for i := range s.key {
		if first[i] == last[i] {
			continue
		}
		points, err := s.points(first[:i], s.key[i], first[i], last[i], wanted)
		if err != nil {
			return nil, err
		}
		if len(points) == 0 && s.key[i].kind == keyText { // they differ, but not to the collation
			continue
		}
		bounds := make([]bound, len(points))
		for j, point := range points {
			bounds[j] = append(slices.Clone(first[:i]), point)
		}
		return s.estimate(of, bounds)
	}
	return nil, nil
}

// query runs one statement and hands its rows over.
func (s *splitter) query(query string, scan func(*sql.Rows) error) error {
	if s.statements--; s.statements < 0 {
		return errIdle
	}
	rows, err := s.conn.QueryContext(s.ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// from is the table, read by its primary key: the optimizer may otherwise prefer an index that is smaller.
func (s *splitter) from() string { return " FROM " + s.table + " FORCE INDEX (PRIMARY)" }

// edge returns the key of the first or last row of a span, nil when it has none.
func (s *splitter) edge(of span, direction string) (key bound, err error) {
	where, err := of.condition(s.key)
	if err != nil {
		return nil, err
	}
	if where != "" {
		where = " WHERE " + where
	}
	values, order := make([]string, len(s.key)), make([]string, len(s.key))
	for i, c := range s.key {
		values[i], order[i] = c.shown(c.quoted()), c.quoted()+" "+direction
	}
	query := "SELECT " + strings.Join(values, ", ") + s.from() + where + " ORDER BY " + strings.Join(order, ", ") + " LIMIT 1"
	err = s.query(query, func(rows *sql.Rows) error {
		key = make(bound, len(s.key))
		into := make([]any, len(key))
		for i := range key {
			into[i] = &key[i]
		}
		return rows.Scan(into...)
	})
	return key, err
}

// estimate cuts a span at bounds, and shares its rows out as the server's estimates of the parts tell. These are
// rough for large ranges, but alike for ranges that are alike.
func (s *splitter) estimate(of sized, bounds []bound) ([]sized, error) {
	if len(bounds) == 0 {
		return nil, nil
	}
	parts := make([]sized, len(bounds)+1)
	queries := make([]string, len(parts))
	for i := range parts {
		part := span{Low: of.Low, High: of.High}
		if i > 0 {
			part.Low = bounds[i-1]
		}
		if i < len(bounds) {
			part.High = bounds[i]
		}
		where, err := part.condition(s.key)
		if err != nil {
			return nil, err
		}
		parts[i].span, queries[i] = part, "SELECT 1"+s.from()+" WHERE "+where
	}
	sum := 0.0
	for from := 0; from < len(parts); from += maxProbes {
		to := min(from+maxProbes, len(parts))
		estimates, err := s.explain(queries[from:to])
		if err != nil {
			return nil, err
		}
		for i, rows := range estimates {
			parts[from+i].rows = rows
			sum += rows
		}
	}
	for i := range parts {
		parts[i].rows *= of.rows / max(sum, 1)
	}
	return merge(parts, float64(s.target)/2), nil
}

// explain returns the optimizer's estimate of each query's rows: none where it knows that there are none.
func (s *splitter) explain(queries []string) ([]float64, error) {
	estimates := make([]float64, len(queries))
	err := s.query("EXPLAIN "+strings.Join(queries, " UNION ALL "), func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		return noteEstimate(estimates, columns, values)
	})
	return estimates, err
}

func noteEstimate(estimates []float64, columns []string, values []sql.NullString) error {
	id, rows := slices.Index(columns, "id"), slices.Index(columns, "rows")
	if id < 0 || rows < 0 {
		return fmt.Errorf("EXPLAIN has the columns %q, not id and rows", columns)
	}
	var n int
	if _, err := fmt.Sscan(values[id].String, &n); err != nil || n < 1 || n > len(estimates) {
		return nil //nolint:nilerr // the union's own line has no number
	}
	_, err := fmt.Sscan("0"+values[rows].String, &estimates[n-1])
	return err
}
