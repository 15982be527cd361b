package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"tributary/config/strict"
	"tributary/internal/table"
)

// columns checks everything that names columns, as far as it can be known without the source.
func (c checker) columns(at string, spec *table.Spec, types map[string]string) {
	k := columnCheck{checker: c, at: at, spec: spec, renamed: map[string]string{}, central: map[string]string{}}
	k.lists()
	k.used()
	k.types(types)
	k.renames()
	k.fills()
	k.transforms()
	k.versions()
	k.laidOut()
}

// columnCheck follows a table's columns from their common source names to their central names. Names are folded.
type columnCheck struct {
	checker
	at      string
	spec    *table.Spec
	renamed map[string]string // source → central
	central map[string]string // central → what has it, in words; the columns that are known
}

func (k columnCheck) key(name string) string { return k.at + "." + name }

// closed says whether the spec lists its columns, so that any other one is unknown.
func (k columnCheck) closed() bool { return len(k.spec.Columns) > 0 && len(k.spec.Exclude) == 0 }

func (k columnCheck) lists() {
	s := k.spec
	if len(s.Columns) > 0 && len(s.Exclude) > 0 {
		k.Add(k.key("exclude"), "cannot be used together with columns", "keep one of the two")
	}
	for _, list := range append(k.layouts(), columnList{"ids", s.IDs}, columnList{"columns", s.Columns}, columnList{"exclude", s.Exclude}) {
		k.distinct(k.key(list.key), list.names, element, k.Add)
		for i, name := range list.names {
			k.required(element(k.key(list.key), i), name)
		}
	}
}

// used checks that the columns that a run cannot do without are read.
func (k columnCheck) used() {
	s := k.spec
	for i, id := range s.IDs {
		k.isRead(element(k.key("ids"), i), id)
	}
	k.isRead(k.key("cursor"), s.Cursor)
	k.isRead(k.key("deletes.column"), s.Deletes.Column)
}

func (k columnCheck) isRead(key, name string) {
	switch {
	case name == "":
	case has(k.spec.Exclude, name):
		k.Add(key, fmt.Sprintf("%q is excluded", name), "remove it from exclude")
	case k.closed() && !has(k.spec.Columns, name):
		k.Add(key, fmt.Sprintf("%q is not in columns", name), "add it to columns")
	}
}

func has(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return fold(n) == fold(name) })
}

func (k columnCheck) renames() {
	for _, source := range slices.Sorted(maps.Keys(k.spec.Rename)) {
		key, central := strict.Join(k.key("rename"), source), k.spec.Rename[source]
		k.isRead(key, source)
		if _, twice := k.renamed[fold(source)]; twice {
			k.Add(key, "is renamed twice, in another case", "keep one of the two")
		}
		k.renamed[fold(source)] = central // of two, the later: they are a fault anyway
		if k.required(key, central) {
			k.own(key, central)
		}
	}
	k.claims()
}

// claims notes the central names of all columns that are known: first of those that keep their
// name, so that a collision is blamed on the rename.
func (k columnCheck) claims() {
	for _, source := range slices.Concat(k.spec.Columns, k.spec.IDs, []string{k.spec.Cursor, k.spec.Deletes.Column}) {
		if _, renamed := k.renamed[fold(source)]; !renamed && source != "" {
			k.central[fold(source)] = fmt.Sprintf("%q", source)
		}
	}
	seen := map[string]bool{}
	for _, source := range slices.Sorted(maps.Keys(k.spec.Rename)) {
		if !seen[fold(source)] {
			k.claim(source, k.spec.Rename[source])
		}
		seen[fold(source)] = true
	}
}

// claim notes the central name of a renamed column, which no other may have.
func (k columnCheck) claim(source, central string) {
	if other, taken := k.central[fold(central)]; taken {
		key := strict.Join(k.key("rename"), source)
		k.Add(key, fmt.Sprintf("%q and %s would both be called %q", source, other, central), "rename one of them to another name")
		return
	}
	k.central[fold(central)] = fmt.Sprintf("%q", source)
}

// own refuses names of columns that Tributary sets itself, so that tenants never mix.
func (k columnCheck) own(key, central string) {
	if name := fold(central); name == table.ClientColumn || name == table.RegionColumn {
		k.Add(key, fmt.Sprintf("%s is set by Tributary, from the registry", name), "remove it; a client's own column of that meaning is mapped in the registry, under the client's columns")
	}
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (k columnCheck) fills() {
	for _, name := range slices.Sorted(maps.Keys(k.spec.Fill)) {
		key := strict.Join(k.key("fill"), name)
		k.required(key, name)
		k.own(key, name)
		if other, taken := k.central[fold(name)]; taken {
			k.Add(key, fmt.Sprintf("there is a column of that name already, from %s", other), "choose another name, or exclude or rename the column")
		}
		k.central[fold(name)] = "fill"
		for _, found := range placeholder.FindAllStringSubmatch(k.spec.Fill[name], -1) {
			if !slices.Contains([]string{"client.id", "client.region", "client.database"}, found[1]) {
				k.Add(key, fmt.Sprintf("unknown placeholder %s", found[0]), "use ${client.id}, ${client.region} or ${client.database}")
			}
		}
	}
}

// isCentral checks a central name, where it can be known that there is no such column.
func (k columnCheck) isCentral(key, name string) {
	_, known := k.central[fold(name)]
	central, renamed := k.renamed[fold(name)]
	switch {
	case name == "" || known || fold(name) == table.ClientColumn || fold(name) == table.RegionColumn:
	case renamed:
		k.Add(key, fmt.Sprintf("%q is renamed to %q", name, central), "use the new name")
	case has(k.spec.Exclude, name):
		k.Add(key, fmt.Sprintf("%q is excluded", name), "remove it here, or from exclude")
	case k.closed():
		k.Add(key, fmt.Sprintf("%q is not in columns", name), "add it to columns, or correct the name")
	}
}
