package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tributary/internal/table"
)

const (
	excludedFile   = "excluded.parquet"
	quarantineFile = "rows.parquet"
)

// Validate holds a job's raw rows against its rules, as the package comment says. Nothing is written for a
// table without faults. It fails with ErrRule when a rule that says fail is broken, and with ErrRaw
// when the raw files are not what was extracted. Repeating it replaces what it wrote before.
func Validate(ctx context.Context, job Job) (_ Validated, err error) {
	quarantine := filepath.Join(job.Dir, "quarantine")
	if err := errors.Join(os.RemoveAll(quarantine), os.RemoveAll(filepath.Join(job.Dir, excludedFile))); err != nil {
		return Validated{}, err
	}
	e, release, err := job.engine(ctx)
	if err != nil {
		return Validated{}, err
	}
	defer func() { err = errors.Join(err, release(err)) }()
	c, err := newCompiler(e, job)
	if err != nil {
		return Validated{}, err
	}
	v := &validation{run: run{compiler: c}}
	if v.rules, err = c.rules(ctx); err != nil {
		return Validated{}, err
	}
	v.prepare()
	return v.validate(ctx, quarantine)
}

// validation is one Validate under way.
type validation struct {
	run
	rules    []rule
	needed   []string // raw columns that the checks use
	nullID   string   // SQL: an id is NULL
	foreign  string   // SQL: the row names another client or region
	ok       string   // SQL over the checked relation: neither of them
	excluded *bitset  // rows that lost to a newer one or a copy
}

// prepare makes the SQL of the rules that always hold.
func (v *validation) prepare() {
	nulls := []string{"false"}
	need := func(columns ...string) {
		for _, c := range columns {
			if !slices.Contains(v.needed, c) {
				v.needed = append(v.needed, c)
			}
		}
	}
	isTenant := func(id string) bool {
		return slices.ContainsFunc(v.tenants, func(t tenant) bool { return t.column == id })
	}
	for _, id := range v.ids {
		need(id)
		if !isTenant(id) { // a NULL there is filled from the registry
			nulls = append(nulls, table.Quote(id, table.DoubleQuote)+" IS NULL")
		}
	}
	for _, t := range v.tenants {
		need(t.column)
	}
	for _, r := range v.rules {
		need(r.used...)
	}
	if len(v.needed) == 0 {
		need(v.raw[0].Name)
	}
	v.nullID, v.foreign = strings.Join(nulls, " OR "), v.foreignRow()
	v.ok = "NOT " + v.names.nullID + " AND NOT " + v.names.foreign
}

// checked is the raw rows that are left, each with what every rule says of it.
func (v *validation) checked(rules []rule) string {
	columns := []string{"*", v.nullID + " AS " + v.names.nullID, v.foreign + " AS " + v.names.foreign}
	for i, r := range rules {
		columns = append(columns, r.failed+" AS "+v.flag(i))
	}
	where := ""
	if v.excluded != nil {
		where = " WHERE NOT " + v.names.excluded
	}
	return "(SELECT " + strings.Join(columns, ", ") + " FROM " + rawView + where + ")"
}

func (v *validation) flag(i int) string { return fmt.Sprintf("%s%d", v.names.rule, i) }

func (v *validation) validate(ctx context.Context, quarantine string) (Validated, error) {
	order, counts, err := v.countAll(ctx)
	if err != nil {
		return Validated{}, err
	}
	var lost losses
	if len(v.ids) > 0 && !order.unique() {
		if lost, err = v.deduplicate(ctx); err != nil {
			return Validated{}, err
		}
		if v.excluded != nil { // the rules are for the rows that are left
			if counts, err = v.count(ctx, nil); err != nil {
				return Validated{}, err
			}
		}
	}
	out := v.result(counts, lost)
	if err := v.broken(ctx, out.Rules); err != nil {
		return Validated{}, err
	}
	if out.Counts.Deduped+out.Counts.Quarantined == 0 {
		return out, nil
	}
	return v.keepApart(ctx, out, quarantine)
}

// tally is the counts of one pass.
type tally struct {
	nullID, foreign, quarantined, warned int64
	rules                                []int64
}

// countAll reads all rows once, in parts unless a rule tells the time, which is one for all rows.
func (v *validation) countAll(ctx context.Context) (*orderCheck, tally, error) {
	order := newOrderCheck(v.raw, v.ids)
	parts, err := parts(v.job.Raw.Files)
	if err != nil {
		return nil, tally{}, err
	}
	if len(parts) < 2 || slices.ContainsFunc(v.rules, func(r rule) bool { return r.clock }) {
		counts, err := v.count(ctx, order)
		return order, counts, err
	}
	orders, tallies, rows := make([]*orderCheck, len(parts)), make([]tally, len(parts)), make([]int64, len(parts))
	err = v.eachPart(ctx, parts, func(ctx context.Context, n int, r run) (err error) {
		part := *v
		part.run, orders[n] = r, newOrderCheck(v.raw, v.ids)
		tallies[n], err = part.count(ctx, orders[n])
		rows[n] = part.progress
		return err
	})
	counts := tally{rules: make([]int64, len(v.rules))}
	var read int64
	for n := range parts {
		order.follow(orders[n])
		counts.add(tallies[n])
		read += rows[n]
	}
	if err == nil && read != v.job.Raw.Rows {
		err = fmt.Errorf("%w: they have %d rows, %d were extracted", ErrRaw, read, v.job.Raw.Rows)
	}
	return order, counts, err
}

func (t *tally) add(other tally) {
	t.nullID, t.foreign = t.nullID+other.nullID, t.foreign+other.foreign
	t.quarantined, t.warned = t.quarantined+other.quarantined, t.warned+other.warned
	for i, n := range other.rules {
		t.rules[i] += n
	}
}

// count reads the rows once and counts what every rule says.
func (v *validation) count(ctx context.Context, order *orderCheck) (tally, error) {
	var bad, warn []string
	columns := []string{"count(*) FILTER (WHERE " + v.names.nullID + ")", "count(*) FILTER (WHERE " + v.names.foreign + ")"}
	t := tally{rules: make([]int64, len(v.rules))}
	dest := []any{&t.nullID, &t.foreign}
	for i, r := range v.rules {
		columns = append(columns, "count(*) FILTER (WHERE "+v.ok+" AND "+v.flag(i)+")")
		dest = append(dest, &t.rules[i])
		switch r.Otherwise {
		case table.Quarantine:
			bad = append(bad, v.flag(i))
		case table.Warn:
			warn = append(warn, v.flag(i))
		}
	}
	out := "(" + strings.Join(append(bad, v.names.nullID, v.names.foreign), " OR ") + ")"
	columns = append(columns, "count(*) FILTER (WHERE "+out+")",
		"count(*) FILTER (WHERE NOT "+out+" AND ("+strings.Join(append(warn, "false"), " OR ")+"))")
	dest = append(dest, &t.quarantined, &t.warned)
	p := pass{columns: v.needed, excluded: v.excluded}
	if order != nil {
		p.observe = order
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + v.checked(v.rules)
	err := v.each(ctx, p, func() error { return v.engine.row(ctx, query, dest...) })
	if isRowError(err) {
		return tally{}, v.blame(ctx, err)
	}
	return t, err
}

// blame finds the rule that fails on a value.
func (v *validation) blame(ctx context.Context, err error) error {
	for _, r := range v.rules {
		query := "SELECT count(*) FILTER (WHERE " + r.failed + ") FROM " + rawView
		var n int64
		ruleErr := v.each(ctx, pass{columns: v.needed, partial: true}, func() error { return v.engine.row(ctx, query, &n) })
		if isRowError(ruleErr) {
			return rowError(fmt.Sprintf("rule %q", r.Name))
		}
	}
	return err
}

func (v *validation) result(t tally, lost losses) Validated {
	out := Validated{Counts: table.Counts{
		Read:        v.job.Raw.Rows,
		ZeroDates:   v.job.Raw.ZeroDates,
		Deduped:     lost.older,
		Quarantined: t.quarantined + lost.surplus,
		Warned:      t.warned,
	}}
	always := func(name string, rows int64) {
		out.Rules = append(out.Rules, RuleCount{Name: name, Otherwise: table.Quarantine, Rows: rows})
	}
	if len(v.ids) > 0 {
		always(RuleIDsNotNull, t.nullID)
		always(RuleIDsUnique, lost.surplus)
	}
	if len(v.tenants) > 0 {
		always(RuleTenant, t.foreign)
	}
	for i, r := range v.rules {
		out.Rules = append(out.Rules, RuleCount{Name: r.Name, Otherwise: r.Otherwise, Rows: t.rules[i]})
	}
	return out
}

// broken is an ErrRule that names every broken rule that says fail, with up to three rows of each.
func (v *validation) broken(ctx context.Context, counts []RuleCount) error {
	var faults []error
	for i, c := range counts[len(counts)-len(v.rules):] {
		if c.Otherwise != table.Fail || c.Rows == 0 {
			continue
		}
		examples, err := v.examples(ctx, i)
		if err != nil {
			return err
		}
		faults = append(faults, fmt.Errorf("%w: %q, by %d of %d rows%s; correct them at the source, or let the rule quarantine or warn",
			ErrRule, c.Name, c.Rows, v.job.Raw.Rows, examples))
	}
	return errors.Join(faults...)
}

// examples names up to three rows that break the i-th rule, by their ids.
func (v *validation) examples(ctx context.Context, i int) (string, error) {
	if len(v.ids) == 0 {
		return "", nil
	}
	parts := make([]string, len(v.ids))
	for k, id := range v.ids {
		parts[k] = table.Literal(id+" = ") + " || CAST(" + table.Quote(id, table.DoubleQuote) + " AS VARCHAR)"
	}
	query := "SELECT string_agg(x, '; ') FROM (SELECT concat_ws(', ', " + strings.Join(parts, ", ") + ") AS x FROM " +
		v.checked(v.rules) + " WHERE " + v.ok + " AND " + v.flag(i) + " LIMIT 3)"
	var text *string
	p := pass{columns: v.needed, excluded: v.excluded, partial: true}
	err := v.each(ctx, p, func() error { return v.engine.row(ctx, query, &text) })
	if err != nil || text == nil {
		return "", err
	}
	return " (for example " + *text + ")", nil
}
