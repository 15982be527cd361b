package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

// Compile checks a job's rules and transforms, without any rows, and returns the schema of its central
// table. It returns all faults at once: ErrExpression, ErrCollision and ErrType.
func Compile(ctx context.Context, job Job) (_ table.Schema, err error) {
	e, err := openEngine(ctx, "", job.Limits)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	c, err := newCompiler(e, job)
	if err != nil {
		return nil, err
	}
	_, rulesErr := c.rules(ctx)
	out, stepsErr := c.steps(ctx)
	if err := errors.Join(rulesErr, stepsErr); err != nil {
		return nil, err
	}
	return out.schema, nil
}

// compiler makes SQL of a job, and binds it against an empty table to learn types and find faults.
type compiler struct {
	*layout
	job    Job
	engine *engine
	empty  string // a relation with the raw columns and no rows
	pool   *arrowfile.Pool
}

func newCompiler(e *engine, job Job) (*compiler, error) {
	l, err := newLayout(job)
	if err != nil {
		return nil, err
	}
	columns := make([]string, len(l.raw))
	for i, c := range l.raw {
		t, err := duckType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		columns[i] = "CAST(NULL AS " + t + ") AS " + table.Quote(c.Name, table.DoubleQuote)
	}
	c := &compiler{layout: l, job: job, engine: e, empty: "(SELECT " + strings.Join(columns, ", ") + " LIMIT 0)", pool: &arrowfile.Pool{}}
	return c, nil
}

// rule is a checked rule. failed is SQL that is true for the rows that fail it, never NULL.
type rule struct {
	table.Rule
	failed string
	used   []string // raw columns
	clock  bool     // it tells the time
}

// rules checks the table's rules and returns them in order.
func (c *compiler) rules(ctx context.Context) ([]rule, error) {
	var rules []rule
	var faults []error
	seen := map[string]bool{RuleIDsNotNull: true, RuleIDsUnique: true, RuleTenant: true}
	for _, r := range c.job.Spec.Expect {
		if seen[r.Name] {
			faults = append(faults, fmt.Errorf("rule %q: %w: the name is taken; choose another", r.Name, ErrExpression))
		}
		seen[r.Name] = true
		used, clock, err := c.rule(ctx, r)
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %q: %w", r.Name, err))
		}
		rules = append(rules, rule{Rule: r, failed: "coalesce(NOT (" + r.That + "\n), false)", used: used, clock: clock})
	}
	return rules, errors.Join(faults...)
}

func (c *compiler) rule(ctx context.Context, r table.Rule) (used []string, clock bool, err error) {
	switch r.Otherwise {
	case table.Warn, table.Quarantine, table.Fail:
	default:
		return nil, false, fmt.Errorf("%w: otherwise is %q; it can be warn, quarantine or fail", ErrExpression, r.Otherwise)
	}
	if used, clock, err = c.engine.check(ctx, r.That, c.raw.Names()); err != nil {
		return nil, false, err
	}
	duck, err := c.bind(ctx, r.That, c.empty)
	if err != nil {
		return nil, false, err
	}
	if duck != "BOOLEAN" {
		return nil, false, fmt.Errorf("%w: it is a %s, not true or false; compare it with something", ErrExpression, duck)
	}
	return used, clock, nil
}

// bind returns the type of a checked expression over a relation.
func (c *compiler) bind(ctx context.Context, expression, relation string) (string, error) {
	rows, err := c.engine.conn.QueryContext(ctx, "DESCRIBE SELECT ("+expression+"\n) AS x FROM "+relation+" AS t")
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return "", fmt.Errorf("%w: %s", ErrExpression, firstLine(err))
	}
	defer rows.Close()
	var name, duck string
	var null, key, defaultValue, extra any
	if !rows.Next() {
		return "", errors.Join(errors.New("DuckDB describes no column"), rows.Err())
	}
	if err := rows.Scan(&name, &duck, &null, &key, &defaultValue, &extra); err != nil {
		return "", err
	}
	return duck, rows.Err()
}

// firstLine is DuckDB's message without the statement that it quotes below it.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\nLINE ")
	return strings.TrimSpace(text)
}
