package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// kept is, for each table, which rows of a shop belong in the lake: what config/daily.yaml says, in the words of
// the source.
var kept = map[string]string{
	"customers":   "`deleted_at` IS NULL",
	"orders":      "`deleted_at` IS NULL AND `status` <> 'draft' AND `amount` >= 0",
	"order_lines": "`deleted_at` IS NULL",
	"products":    "TRUE",
}

// hidden are the columns that never leave a shop.
var hidden = []string{"card_number"}

// comparison holds one central table against the shops.
type comparison struct {
	ctx     context.Context
	lake    lake.Lake
	salt    string
	columns table.Schema
	name    string
	rows    map[string]int // how often the shops have a row that the lake has not shown yet
}

// verify compares a central table with every shop, row by row and value by value, and returns the rows compared.
func verify(ctx context.Context, l lake.Lake, name, salt string, shops []*shop) (rows int, err error) {
	central, err := l.Describe(ctx, centralSchema, name)
	if err != nil {
		return 0, err
	}
	c := comparison{ctx: ctx, lake: l, salt: salt, columns: central.Columns, name: name, rows: map[string]int{}}
	for _, s := range shops {
		n, err := c.expect(s)
		if err != nil {
			return 0, err
		}
		rows += n
	}
	return rows, c.hold()
}

// expect reads a shop's rows and makes of them what the lake should have.
func (c *comparison) expect(s *shop) (count int, err error) {
	names := make([]string, len(c.columns))
	for i, column := range c.columns {
		switch {
		case column.Name == table.ClientColumn:
			names[i] = table.Literal(s.Client)
		case column.Name == table.RegionColumn:
			names[i] = table.Literal(s.Region)
		case slices.Contains(hidden, column.Name):
			return 0, fmt.Errorf("table %s: column %s is in the lake, and must not be", c.name, column.Name)
		default:
			names[i] = table.Quote(column.Name, table.Backtick)
		}
	}
	statement := "SELECT " + strings.Join(names, ", ") + " FROM " + c.name + " WHERE " + kept[c.name]
	if s.owner != "" && c.name == "orders" {
		statement += " AND " + s.owner + " = " + table.Literal(s.Client)
	}
	rows, err := s.Server.db.QueryContext(c.ctx, s.own(statement))
	if err != nil {
		return 0, s.wrap(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return 0, s.wrap(err)
		}
		c.rows[c.sourceRow(values)]++
		count++
	}
	return count, s.wrap(rows.Err())
}

// sourceRow is a row's canonical text, after what the config's transforms make of it.
func (c *comparison) sourceRow(values []sql.NullString) string {
	row := make([]string, len(values))
	for i, v := range values {
		switch column := c.columns[i]; {
		case !v.Valid:
			row[i] = null
		case c.name == "customers" && column.Name == "email":
			digest := sha256.Sum256([]byte(c.salt + v.String))
			row[i] = hex.EncodeToString(digest[:])
		case c.name == "customers" && column.Name == "note" && strings.Trim(v.String, " ") == "":
			row[i] = null
		case c.name == "customers" && column.Name == "note":
			row[i] = strings.Trim(v.String, " ")
		default:
			row[i] = canonical(column.Type, v.String)
		}
	}
	return strings.Join(row, "\x1f")
}

const null = "\x00"

// canonical writes a value so that equal values, and only these, have equal texts.
func canonical(t table.Type, value any) string {
	text := fmt.Sprint(value)
	_, _, isDecimal := t.DecimalOf()
	switch moment, isTime := value.(time.Time); {
	case value == nil:
		return null
	case isTime && t == table.Date:
		return moment.Format(time.DateOnly)
	case isTime:
		return moment.UTC().Format(time.RFC3339Nano)
	case t == table.Timestamp:
		if moment, err := time.Parse(time.DateTime, text); err == nil { // it takes a fraction too
			return moment.Format(time.RFC3339Nano)
		}
	case isDecimal:
		if number, ok := new(big.Rat).SetString(text); ok {
			return number.RatString()
		}
	case t == table.Double:
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return strconv.FormatFloat(number, 'g', -1, 64)
		}
	}
	return text
}

// hold takes every row of the central table off those that were expected.
func (c *comparison) hold() (err error) {
	names := table.QuoteAll(c.columns.Names(), table.DoubleQuote)
	rows, err := c.lake.Query(c.ctx, centralSchema, "SELECT "+names+" FROM "+table.Quote(c.name, table.DoubleQuote), lake.At{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	surplus := 0
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = canonical(c.columns[i].Type, v)
		}
		key := strings.Join(texts, "\x1f")
		if c.rows[key]--; c.rows[key] < 0 {
			surplus++
		}
	}
	missing := 0
	for _, n := range c.rows {
		missing += max(n, 0)
	}
	if surplus > 0 || missing > 0 {
		return fmt.Errorf("table %s: the lake lacks %d rows of the shops, and has %d that no shop has", c.name, missing, surplus)
	}
	return rows.Err()
}
