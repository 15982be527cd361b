package mariadb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tributary/internal/table"
)

// Planned is the plan of one spec, or why there is none: ErrMissing or ErrUnsupported.
type Planned struct {
	Plan table.Plan
	Err  error
}

// Plan holds every spec against what the server has now, in the order of specs. Watermarks are
// left to the caller. The error is the server's own (unreachable, ErrDenied, ErrMissing database); faults of
// one table are in its Planned.
func (s *Source) Plan(ctx context.Context, specs []table.Spec) ([]Planned, error) {
	if len(specs) == 0 {
		return nil, nil
	}
	names := make([]string, len(specs))
	for i, spec := range specs {
		names[i] = spec.Name
	}
	tables, err := s.catalog(ctx, names)
	if err != nil {
		return nil, clientError(s.client, classify(err))
	}
	planned := make([]Planned, len(specs))
	for i, spec := range specs {
		plan, err := s.planTable(ctx, spec, tables[spec.Name])
		planned[i] = Planned{Plan: plan, Err: tableError(s.client, spec.Name, err)}
	}
	return planned, nil
}

func (s *Source) planTable(ctx context.Context, spec table.Spec, source *sourceTable) (table.Plan, error) {
	if source == nil || len(source.columns) == 0 {
		names, err := s.tableNames(ctx)
		if err != nil {
			return table.Plan{}, classify(err)
		}
		return table.Plan{}, fmt.Errorf("%w: the table is not in database %q, or user %q may not read it%s",
			ErrMissing, s.client.Database, s.client.User, nearest(spec.Name, names))
	}
	p, err := newPlanner(s.client, spec, source)
	if err != nil {
		return table.Plan{}, err
	}
	return p.plan()
}

// planner works out one table's plan under common names.
type planner struct {
	spec   table.Spec
	source *sourceTable
	common []string // the common name of each source column
}

func newPlanner(client table.Client, spec table.Spec, source *sourceTable) (*planner, error) {
	mapping := make(map[string]string, len(client.Columns))
	for from, to := range client.Columns {
		mapping[fold(from)] = to
	}
	p := &planner{spec: spec, source: source}
	seen := map[string]string{}
	for _, c := range source.columns {
		name, ok := mapping[fold(c.name)]
		if !ok {
			name = c.name
		}
		if other, taken := seen[fold(name)]; taken {
			return nil, fmt.Errorf("%w: columns %q and %q are both called %q; change the client's columns",
				ErrUnsupported, other, c.name, name)
		}
		seen[fold(name)] = c.name
		p.common = append(p.common, name)
	}
	return p, nil
}

// fold makes names comparable as MariaDB compares column names: without regard to case.
func fold(name string) string { return strings.ToLower(name) }

// missing is ErrMissing with all columns that the spec names, but for types, and the source has not, so that they are mended at once; nil without one.
func (p *planner) missing() error {
	var told []string
	look := func(role string, names ...string) {
		for _, name := range names {
			if p.index(name) < 0 {
				told = append(told, fmt.Sprintf("column %q (%s)%s", name, role, nearest(name, p.common)))
			}
		}
	}
	look("id", p.spec.IDs...)
	if p.spec.Cursor != "" {
		look("cursor", p.spec.Cursor)
	}
	if p.spec.Deletes.Column != "" {
		look("deletes.column", p.spec.Deletes.Column)
	}
	look("columns", p.spec.Columns...)
	look("exclude", p.spec.Exclude...)
	look("rename", slices.Sorted(maps.Keys(p.spec.Rename))...)
	if len(told) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMissing, strings.Join(told, ", "))
}

func (p *planner) plan() (table.Plan, error) {
	if err := p.missing(); err != nil {
		return table.Plan{}, err
	}
	ids, err := p.ids()
	if err != nil {
		return table.Plan{}, err
	}
	needed := slices.Clone(ids)
	plan := table.Plan{IDs: p.names(ids), Comment: p.source.comment}
	for _, role := range []struct{ role, name string }{{"cursor", p.spec.Cursor}, {"deletes.column", p.spec.Deletes.Column}} {
		if role.name == "" {
			continue
		}
		i := p.index(role.name)
		needed = append(needed, i)
		if role.role == "cursor" {
			plan.Cursor = p.common[i]
			if plan.CursorKind = parseType(p.source.columns[i].columnType).cursorKind(); plan.CursorKind == "" {
				return table.Plan{}, fmt.Errorf("%w: cursor %q is a %s; use a datetime, timestamp, date, integer, char, varchar or uuid column, or none",
					ErrUnsupported, plan.Cursor, p.source.columns[i].columnType)
			}
		}
	}
	read, err := p.selected(needed)
	if err != nil {
		return table.Plan{}, err
	}
	plan.Columns, err = p.columns(read)
	return plan, err
}

// ids returns the indexes of the id columns: the spec's, or the primary key.
func (p *planner) ids() ([]int, error) {
	names := p.spec.IDs
	if len(names) == 0 {
		for _, key := range p.source.primary {
			i := slices.IndexFunc(p.source.columns, func(c sourceColumn) bool { return c.name == key })
			if i < 0 {
				return nil, fmt.Errorf("%w: column %q of the primary key may not be read; grant SELECT on it", ErrDenied, key)
			}
			if p.source.columns[i].rowEnd { // only current rows are read, and the end that they have depends on the server's version
				continue
			}
			names = append(names, p.common[i])
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no primary key; name the columns that tell rows apart in ids", ErrUnsupported)
	}
	ids := make([]int, len(names))
	for i, name := range names {
		at := p.index(name)
		if p.source.columns[at].nullable {
			return nil, fmt.Errorf("%w: id column %q is nullable; choose ids that are NOT NULL, or declare it NOT NULL at the source",
				ErrUnsupported, name)
		}
		ids[i] = at
	}
	return ids, nil
}

// selected returns which columns are read: those that are asked for, and those that are needed anyway.
func (p *planner) selected(needed []int) ([]bool, error) {
	read := make([]bool, len(p.common))
	for _, name := range p.spec.Columns {
		i := p.index(name)
		read[i] = true
	}
	for i := range read {
		read[i] = read[i] || len(p.spec.Columns) == 0 || slices.Contains(needed, i)
	}
	for _, name := range p.spec.Exclude {
		i := p.index(name)
		if slices.Contains(needed, i) {
			return nil, fmt.Errorf("%w: column %q is excluded, but it is an id, the cursor or deletes.column; take it out of exclude",
				ErrMissing, p.common[i])
		}
		read[i] = false
	}
	for _, name := range slices.Sorted(maps.Keys(p.spec.Rename)) {
		i := p.index(name)
		if !read[i] {
			return nil, fmt.Errorf("%w: column %q is renamed, but not read; take it out of rename", ErrMissing, p.common[i])
		}
	}
	return read, nil
}

func (p *planner) columns(read []bool) ([]table.SourceColumn, error) {
	var columns []table.SourceColumn
	faults := []error{p.typed(read)}
	for i, c := range p.source.columns {
		if !read[i] {
			continue
		}
		t := parseType(c.columnType)
		typ, err := t.readAs(p.spec, p.common[i])
		if err != nil {
			faults = append(faults, fmt.Errorf("column %q: %w", p.common[i], err))
			continue
		}
		column := table.SourceColumn{
			Source: c.name, Name: p.common[i], SourceType: c.columnType, Type: typ,
			Nullable: c.nullable || t.temporal() && typ != table.String, Comment: c.comment,
		}
		if c.charset != "utf8mb4" {
			column.Charset = c.charset
		}
		columns = append(columns, column)
	}
	return columns, errors.Join(faults...)
}

// index of the column with a common name, or -1 where there is none: see missing.
func (p *planner) index(name string) int {
	return slices.IndexFunc(p.common, func(c string) bool { return fold(c) == fold(name) })
}

func (p *planner) names(indexes []int) []string {
	names := make([]string, len(indexes))
	for i, at := range indexes {
		names[i] = p.common[at]
	}
	return names
}
