package steps

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"tributary/internal/table"
)

// layout is how raw columns become central ones, before the transforms.
type layout struct {
	raw     table.Schema
	ids     []string // raw names; without client_id and region, which are the same in every row
	cursor  string   // raw name, or ""
	tenants []tenant
	central []centralColumn
	names   internalNames
}

// tenant is a raw column that says to whom a row belongs.
type tenant struct {
	column string // raw name
	value  string // what the registry says
}

// centralColumn is a column of the central table, and the SQL that makes it of the raw columns.
type centralColumn struct {
	table.Column
	sql string
	id  bool
}

// internalNames are names of helper columns that no raw column has.
type internalNames struct{ position, excluded, nullID, foreign, rule string }

// newLayout maps the job's raw columns to central ones. It returns all faults at once.
func newLayout(job Job) (*layout, error) {
	l := &layout{raw: job.Plan.Schema(), names: newInternalNames(job.Plan.Schema().Names())}
	faults := []error{l.findKeys(job.Plan)}
	central, err := renamed(l.raw.Names(), job.Spec.Rename)
	faults = append(faults, err)
	registry := registry(job.Client)
	for i, c := range l.raw {
		id := slices.Contains(l.ids, c.Name)
		column := centralColumn{Column: c, sql: table.Quote(c.Name, table.DoubleQuote), id: id}
		column.Name = central[i]
		column.Nullable = c.Nullable && !id
		if value, ok := registry[strings.ToLower(central[i])]; ok {
			l.tenants = append(l.tenants, tenant{column: c.Name, value: value})
			column = constant(strings.ToLower(central[i]), value) // the raw column is not read
			column.Comment, column.id = c.Comment, id
		}
		l.central = append(l.central, column)
	}
	l.dropTenantKeys()
	faults = append(faults, l.fill(job))
	for _, name := range []string{table.ClientColumn, table.RegionColumn} {
		if l.schema().Find(name) < 0 {
			l.central = append(l.central, constant(name, registry[name]))
		}
	}
	faults = append(faults, l.collisions(job.Spec))
	return l, errors.Join(faults...)
}

// registry is what the registry says of whom a client's rows belong to, by central name.
func registry(client table.Client) map[string]string {
	return map[string]string{table.ClientColumn: client.ID, table.RegionColumn: client.Region}
}

func (l *layout) findKeys(plan table.Plan) error {
	var faults []error
	for _, id := range plan.IDs {
		i := l.raw.Find(id)
		if i < 0 {
			faults = append(faults, fmt.Errorf("%w: ids: %w", ErrExpression, unknownColumn(id, l.raw.Names())))
			continue
		}
		l.ids = append(l.ids, l.raw[i].Name)
	}
	if plan.Cursor != "" {
		i := l.raw.Find(plan.Cursor)
		if i < 0 {
			return errors.Join(append(faults, fmt.Errorf("%w: cursor: %w", ErrExpression, unknownColumn(plan.Cursor, l.raw.Names())))...)
		}
		l.cursor = l.raw[i].Name
	}
	return errors.Join(faults...)
}

// dropTenantKeys takes client_id and region out of the ids, unless there are no others.
func (l *layout) dropTenantKeys() {
	others := slices.DeleteFunc(slices.Clone(l.ids), func(id string) bool {
		return slices.ContainsFunc(l.tenants, func(t tenant) bool { return t.column == id })
	})
	if len(others) > 0 {
		l.ids = others
	}
}

// renamed returns the central name of each raw column.
func renamed(raw []string, rename map[string]string) ([]string, error) {
	central := slices.Clone(raw)
	var faults []error
	for _, from := range slices.Sorted(maps.Keys(rename)) {
		i := slices.IndexFunc(raw, func(name string) bool { return strings.EqualFold(name, from) })
		if i < 0 {
			faults = append(faults, fmt.Errorf("%w: rename: %w", ErrExpression, unknownColumn(from, raw)))
			continue
		}
		central[i] = rename[from]
	}
	return central, errors.Join(faults...)
}

var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

// fill adds the constant columns, in the order of their names.
func (l *layout) fill(job Job) error {
	known := map[string]string{
		"${client.id}":       job.Client.ID,
		"${client.region}":   job.Client.Region,
		"${client.database}": job.Client.Database,
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(job.Spec.Fill)) {
		value := placeholder.ReplaceAllStringFunc(job.Spec.Fill[name], func(p string) string {
			if _, ok := known[p]; !ok {
				faults = append(faults, fmt.Errorf("%w: fill %q: %s is not known; there are ${client.id}, ${client.region} and ${client.database}",
					ErrExpression, name, p))
			}
			return known[p]
		})
		l.central = append(l.central, constant(name, value))
	}
	return errors.Join(faults...)
}

// collisions reports central names that two columns would have, and settings that would overwrite who a row belongs to.
func (l *layout) collisions(spec table.Spec) error {
	var faults []error
	seen := map[string]string{}
	for _, c := range l.central {
		lower := strings.ToLower(c.Name)
		if other, ok := seen[lower]; ok {
			faults = append(faults, fmt.Errorf("%w: %q and %q, after rename and fill; rename or exclude one of them", ErrCollision, other, c.Name))
		}
		seen[lower] = c.Name
	}
	for _, name := range []string{table.ClientColumn, table.RegionColumn} {
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if slices.ContainsFunc(slices.Collect(maps.Keys(spec.Fill)), same) ||
			slices.ContainsFunc(spec.Transform, func(t table.Transform) bool { return same(t.Column) }) {
			faults = append(faults, fmt.Errorf("%w: %s is set from the registry in every row; remove it from fill and transform", ErrCollision, name))
		}
	}
	if spec.History != "" {
		for _, c := range table.Versions() {
			if other, ok := seen[c.Name]; ok {
				faults = append(faults, fmt.Errorf("%w: %q, which a table that keeps history adds itself; rename or exclude it", ErrCollision, other))
			}
		}
	}
	return errors.Join(faults...)
}

// schema is the central columns before the transforms.
func (l *layout) schema() table.Schema {
	schema := make(table.Schema, len(l.central))
	for i, c := range l.central {
		schema[i] = c.Column
	}
	return schema
}

func constant(name, value string) centralColumn {
	return centralColumn{Column: table.Column{Name: name, Type: table.String}, sql: "CAST(" + table.Literal(value) + " AS VARCHAR)"}
}

// newInternalNames finds a prefix that no column's name begins with.
func newInternalNames(columns []string) internalNames {
	prefix := "_t"
	taken := func(name string) bool { return strings.HasPrefix(strings.ToLower(name), prefix) }
	for slices.ContainsFunc(columns, taken) {
		prefix = "_" + prefix
	}
	return internalNames{position: prefix + "_position", excluded: prefix + "_excluded", nullID: prefix + "_null_id",
		foreign: prefix + "_foreign", rule: prefix + "_rule_"}
}
