package lake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tributary/internal/table"
)

// Widener is a lake that can change the type of a table's column in place. Group keeps it within reach: see As.
type Widener interface {
	// Widens says whether a column can go from one type to another, which holds all its values exactly.
	Widens(from, to table.Type) bool
}

// Want is what some clients' sources, which are alike, want of a central table.
type Want struct {
	Clients     []string     // at least one
	Columns     table.Schema // of the central table, as these clients' rows have them
	Comment     string
	Drift       string
	Versions    bool // it is a table of versions, whose own columns are among Columns
	PartitionBy []string
	ClusterBy   []string
	Properties  map[string]string
}

// Subjects of differences.
const (
	SubjectTable    = "table"   // it is not in the lake
	SubjectColumn   = "column"  // it is only in the lake, or only at sources, or only at some of them
	SubjectType     = "type"    // the lake's column cannot hold the sources' values
	SubjectComment  = "comment" // of a column, or of the table when the column is ""
	SubjectLayout   = "layout"
	SubjectHistory  = "history"  // one has the latest rows, the other versions of them
	SubjectProperty = "property" // that the configuration gives the table, and the lake has otherwise
)

// What becomes of a difference in the next run.
const (
	EffectCreated = "created" // the table is made
	EffectAdded   = "added"   // the column is added
	EffectIgnored = "ignored" // the column is left out, because drift is ignore
	EffectWidened = "widened" // the column's type is changed in place
	EffectNull    = "null"    // the column stays, and is NULL in rows of clients without it
	EffectKept    = "kept"    // the lake keeps what it has
	EffectFails   = "fails"   // the clients' runs fail
)

// Difference is one thing in which the lake and the sources differ.
type Difference struct {
	Subject  string   `json:"subject"`
	Column   string   `json:"column,omitempty"`
	Property string   `json:"property,omitempty"` // its key
	Lake     string   `json:"lake,omitempty"`     // what the lake has
	Source   string   `json:"source,omitempty"`   // what the clients have
	Clients  []string `json:"clients,omitempty"`  // that have what Source says
	Without  []string `json:"without,omitempty"`  // of a column: clients that do not have it
	Effect   string   `json:"effect"`
}

// Refusal is a want that a table cannot meet, and why: ErrSchema.
type Refusal struct {
	Want Want
	Err  error
}

// Combine returns the columns that a table has once all wants are in it, and the wants that do not fit. A nil
// schema is a table still to be made, whose columns get types that hold the values of all clients where there are such.
func Combine(current table.Schema, ref table.Ref, wants []Want, widens func(from, to table.Type) bool) (table.Schema, []Refusal) {
	combined := slices.Clone(current)
	var accepted []table.Batch
	var refused []Refusal
	for _, want := range wants {
		ref.Client = others(want.Clients)
		batch := table.Batch{Ref: ref, Schema: want.Columns, Drift: want.Drift}
		if want.Versions {
			batch.History, batch.ReadAt, batch.Schema = table.HistoryOnly, time.Now(), withoutVersions(want.Columns)
		}
		// All again, because a column that is not yet in the table can still become wider.
		next, err := Evolve(current, append(slices.Clip(accepted), batch), widens)
		if err != nil {
			refused = append(refused, Refusal{want, err})
			continue
		}
		accepted, combined = append(accepted, batch), next
	}
	return combined, refused
}

// others names the first client and counts the rest.
func others(clients []string) string {
	switch len(clients) {
	case 1:
		return clients[0]
	case 2:
		return clients[0] + " and " + clients[1]
	}
	return fmt.Sprintf("%s and %d others", clients[0], len(clients)-1)
}

// Diff holds a central table against what its clients' sources want. Of a table that is not in the lake, now is nil. What
// the lake holds as it is (an integer column in a long one) is no difference.
func Diff(now *Table, ref table.Ref, wants []Want, widens func(from, to table.Type) bool) []Difference {
	if len(wants) == 0 {
		return nil
	}
	d := &differ{wants: wants, widens: widens}
	switch {
	case now == nil:
		columns, _ := Combine(nil, ref, wants, nil) // those that do not fit are found below
		now = &Table{Columns: columns}
		d.add(Difference{Subject: SubjectTable, Source: fmt.Sprintf("%d columns", len(columns)), Effect: EffectCreated})
		d.widens = nil
	case d.otherKind(now.Columns):
		return d.found
	default:
		d.combined, _ = Combine(now.Columns, ref, wants, widens)
		d.layouts(*now)
		d.properties(*now)
		d.comment("", now.Comment, func(w Want) (string, bool) { return w.Comment, true })
	}
	for _, column := range now.Columns {
		d.known(column)
	}
	d.unknown(now.Columns)
	return d.found
}

// differ gathers the differences of one table.
type differ struct {
	wants    []Want
	widens   func(from, to table.Type) bool
	combined table.Schema // the table with all that fits
	found    []Difference
}

// add keeps a difference. A client that several syncs bring is named once.
func (d *differ) add(difference Difference) {
	difference.Clients, difference.Without = distinct(difference.Clients), distinct(difference.Without)
	d.found = append(d.found, difference)
}

func distinct(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

func (d *differ) layouts(now Table) {
	seen := map[string]bool{}
	has := Layout(now.PartitionBy, now.ClusterBy)
	for _, want := range d.wants {
		if wanted := Layout(want.PartitionBy, want.ClusterBy); !seen[wanted] && !strings.EqualFold(has, wanted) {
			seen[wanted] = true
			d.add(Difference{Subject: SubjectLayout, Lake: has, Source: wanted, Effect: EffectKept})
		}
	}
}

// properties reports the configured properties that the lake has otherwise. Those that only the lake has are its own.
func (d *differ) properties(now Table) {
	type property struct{ key, value string }
	seen := map[property]bool{}
	for _, want := range d.wants {
		for _, key := range slices.Sorted(maps.Keys(want.Properties)) {
			wanted := property{key, want.Properties[key]}
			if has, there := now.Properties[key]; !seen[wanted] && (!there || has != wanted.value) && has != redacted {
				seen[wanted] = true
				d.add(Difference{Subject: SubjectProperty, Property: key, Lake: has, Source: wanted.value, Effect: EffectKept})
			}
		}
	}
}

// redacted is what Spark shows of a property whose name or value looks like a secret or an address. Whether it differs cannot be told.
const redacted = "*********(redacted)"

// Layout says in words how a table's files are laid out.
func Layout(partitionBy, clusterBy []string) string {
	switch {
	case len(clusterBy) > 0:
		return "clustered by " + strings.Join(clusterBy, ", ")
	case len(partitionBy) > 0:
		return "partitioned by " + strings.Join(partitionBy, ", ")
	}
	return "not partitioned"
}

// comment reports a comment that sources have and the lake has otherwise. A comment that only the lake has is its own.
func (d *differ) comment(column, now string, of func(Want) (string, bool)) {
	var first string
	var clients []string
	for _, want := range d.wants {
		text, there := of(want)
		if there && text == now {
			return
		}
		if first == "" {
			first = text
		}
		if there && text != "" && text == first {
			clients = append(clients, want.Clients...)
		}
	}
	if first != "" {
		d.add(Difference{Subject: SubjectComment, Column: column, Lake: now, Source: first, Clients: clients, Effect: EffectKept})
	}
}

// known compares a column of the lake with those of the sources.
func (d *differ) known(column table.Column) {
	var with, without []string
	misfits := map[table.Type]Difference{}
	var types []table.Type
	for _, want := range d.wants {
		i := want.Columns.Find(column.Name)
		if i < 0 {
			without = append(without, want.Clients...)
			continue
		}
		with = append(with, want.Clients...)
		source := want.Columns[i].Type
		if source.Fits(column.Type) {
			continue
		}
		misfit, seen := misfits[source]
		if !seen {
			types = append(types, source)
			misfit = Difference{Subject: SubjectType, Column: column.Name, Lake: string(column.Type), Source: string(source), Effect: EffectWidened}
		}
		if !d.canWiden(want, column.Type, source) {
			misfit.Effect = EffectFails
		}
		misfit.Clients = append(misfit.Clients, want.Clients...)
		misfits[source] = misfit
	}
	if len(without) > 0 {
		d.add(Difference{Subject: SubjectColumn, Column: column.Name, Lake: string(column.Type), Clients: with, Without: without, Effect: EffectNull})
	}
	for _, source := range types {
		d.add(misfits[source])
	}
	d.comment(column.Name, column.Comment, func(w Want) (string, bool) {
		if i := w.Columns.Find(column.Name); i >= 0 {
			return w.Columns[i].Comment, true
		}
		return "", false
	})
}

func (d *differ) canWiden(want Want, from, to table.Type) bool {
	evolves := want.Drift == "" || want.Drift == table.DriftEvolve
	return evolves && d.widens != nil && from.Fits(to) && d.widens(from, to)
}

// unknown reports the columns that only sources have, once for each type and effect.
func (d *differ) unknown(known table.Schema) {
	type kind struct {
		name   string
		source table.Type
		effect string
	}
	var order []kind
	clients := map[kind][]string{}
	for _, want := range d.wants {
		for _, column := range want.Columns {
			if known.Find(column.Name) >= 0 {
				continue
			}
			k := kind{strings.ToLower(column.Name), column.Type, d.effect(want, column)}
			if clients[k] == nil {
				order = append(order, k)
			}
			clients[k] = append(clients[k], want.Clients...)
		}
	}
	for _, k := range order {
		var without []string
		for _, want := range d.wants {
			if want.Columns.Find(k.name) < 0 {
				without = append(without, want.Clients...)
			}
		}
		d.add(Difference{Subject: SubjectColumn, Column: d.spelling(k.name), Source: string(k.source), Clients: clients[k], Without: without, Effect: k.effect})
	}
}

// spelling is a column's name as the first source writes it.
func (d *differ) spelling(name string) string {
	for _, want := range d.wants {
		if i := want.Columns.Find(name); i >= 0 {
			return want.Columns[i].Name
		}
	}
	return name
}

// effect is what becomes of a column that the lake does not have.
func (d *differ) effect(want Want, column table.Column) string {
	switch want.Drift {
	case table.DriftIgnore:
		return EffectIgnored
	case table.DriftFail:
		return EffectFails
	}
	if i := d.combined.Find(column.Name); i >= 0 && !column.Type.Fits(d.combined[i].Type) {
		return EffectFails // another client's column of that name has a type that does not go with it
	}
	return EffectAdded
}
