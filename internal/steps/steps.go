package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/table"
)

// program is the SQL that makes central rows of raw ones.
type program struct {
	schema table.Schema
	// levels nest: the first reads the raw columns, each other reads the one before.
	levels []level
	clock  bool     // a SQL step tells the time
	salts  []string // secret references; the n-th is in the variable saltVariable(n)
	idSQL  bool     // a SQL step changes an id, so that it must be checked again
	ids    []string // central names
}

type level struct {
	step   string // what an error calls it; "" when it has no SQL of the config's
	column string
	sql    string // the SELECT list

	expression string // of column
}

// over returns the first n levels over a relation, as a subquery.
func (p *program) over(relation string, n int) string {
	for _, l := range p.levels[:n] {
		relation = "(SELECT " + l.sql + " FROM " + relation + " AS t)"
	}
	return relation
}

func saltVariable(n int) string { return fmt.Sprintf("tributary_salt_%d", n) }

// steps checks the transforms and returns the program of all of them.
func (c *compiler) steps(ctx context.Context) (*program, error) {
	p := &program{schema: c.schema(), levels: []level{{sql: c.base()}}}
	for _, column := range c.central {
		if column.id {
			p.ids = append(p.ids, column.Name)
		}
	}
	types := make([]string, len(p.schema)) // DuckDB's
	var faults []error
	for i, column := range p.schema {
		t, err := duckType(column.Type)
		types[i], faults = t, append(faults, err)
	}
	for n, t := range c.job.Spec.Transform {
		if err := c.step(ctx, p, types, t); err != nil {
			faults = append(faults, fmt.Errorf("transform %d of column %q: %w", n+1, t.Column, err))
		}
	}
	faults = append(faults, c.store(p, types))
	return p, errors.Join(faults...)
}

// base is the first level: rename, fill, and whom the rows belong to.
func (c *compiler) base() string {
	columns := make([]string, len(c.central))
	for i, column := range c.central {
		columns[i] = column.sql + " AS " + table.Quote(column.Name, table.DoubleQuote)
	}
	return strings.Join(columns, ", ")
}

// step adds one transform to the program.
func (c *compiler) step(ctx context.Context, p *program, types []string, t table.Transform) error {
	i := p.schema.Find(t.Column)
	if i < 0 {
		return fmt.Errorf("%w: %w; for a new column, add it to fill first", ErrExpression, unknownColumn(t.Column, p.schema.Names()))
	}
	if err := c.checkStep(ctx, p, t, c.central[i].id); err != nil {
		return err
	}
	expression := t.SQL
	switch {
	case strings.EqualFold(strings.TrimSpace(t.SQL), "null"): // empties the column and leaves its type
		expression = "CAST(NULL AS " + types[i] + ")"
	case t.Hash != "":
		expression = hash(p.schema[i].Name, types[i], p.salt(t.Salt))
	case t.Mask != "":
		expression = masks[t.Mask](canonical(p.schema[i].Name, types[i]))
	}
	duck, err := c.bind(ctx, expression, c.placeholders(p))
	if err != nil {
		return err
	}
	expression = "(" + expression + "\n)"
	l := level{column: p.schema[i].Name, sql: replace(p.schema, i, expression), expression: expression}
	if t.SQL != "" {
		l.step = fmt.Sprintf("transform of column %q", t.Column)
		p.schema[i].Nullable = true
		p.idSQL = p.idSQL || c.central[i].id
	}
	p.levels, types[i] = append(p.levels, l), duck
	return nil
}

// checkStep says what is wrong with one transform's settings, or with its SQL.
func (c *compiler) checkStep(ctx context.Context, p *program, t table.Transform, id bool) error {
	set := 0
	for _, kind := range []string{t.Hash, t.Mask, t.SQL} {
		if kind != "" {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("%w: set exactly one of hash, mask and sql", ErrExpression)
	case t.Hash != "" && t.Hash != "sha256":
		return fmt.Errorf("%w: hash %q is not known; there is sha256", ErrExpression, t.Hash)
	case t.Mask != "" && masks[t.Mask] == nil:
		return fmt.Errorf("%w: mask %q is not known; there are all, email and last4", ErrExpression, t.Mask)
	case t.Mask != "" && id:
		return fmt.Errorf("%w: a masked id is no longer unique; hash it instead", ErrExpression)
	case t.SQL != "":
		_, clock, err := c.engine.check(ctx, t.SQL, p.schema.Names())
		p.clock = p.clock || clock
		return err
	}
	return nil
}

// placeholders is the program so far over no rows, with every salt NULL: to bind against.
func (c *compiler) placeholders(p *program) string { return p.over(c.empty, len(p.levels)) }

// salt returns the SQL of a salt: a variable, so that the secret is in no statement.
func (p *program) salt(reference string) string {
	if reference == "" {
		return ""
	}
	n := slices.Index(p.salts, reference)
	if n < 0 {
		n = len(p.salts)
		p.salts = append(p.salts, reference)
	}
	return "CAST(getvariable('" + saltVariable(n) + "') AS VARCHAR)"
}

// store adds the last level, which casts what Delta has no type for.
func (c *compiler) store(p *program, types []string) error {
	columns := make([]string, len(p.schema))
	var faults []error
	for i, column := range p.schema {
		t, err := deltaType(types[i])
		if err != nil {
			faults = append(faults, fmt.Errorf("column %q: %w", column.Name, err))
			continue
		}
		p.schema[i].Type = t
		name := table.Quote(column.Name, table.DoubleQuote)
		duck, err := duckType(t)
		faults = append(faults, err)
		columns[i] = name
		if duck != types[i] {
			columns[i] = "CAST(" + name + " AS " + duck + ") AS " + name
		}
		if value, ok := registry(c.job.Client)[column.Name]; ok { // no transform may change it
			columns[i] = sameInAllRows(value) + " AS " + name
		}
	}
	p.levels = append(p.levels, level{step: "storing the result", sql: strings.Join(columns, ", ")})
	return errors.Join(faults...)
}

// sameInAllRows is a text as a type of that one value. In Parquet it is the same column of texts, with a dictionary of one, which DuckDB writes without
// hashing and comparing every row's: client_id and region would else take a sixth of the time of writing 16 columns.
func sameInAllRows(value string) string {
	text := table.Literal(value)
	return text + "::ENUM(" + text + ")"
}

// replace is the SELECT list that changes the i-th column.
func replace(schema table.Schema, i int, expression string) string {
	columns := make([]string, len(schema))
	for j, column := range schema {
		columns[j] = table.Quote(column.Name, table.DoubleQuote)
	}
	columns[i] = expression + " AS " + columns[i]
	return strings.Join(columns, ", ")
}
