package strict

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Keys returns the keys of a struct type, in the order of its fields.
func Keys(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if name := keyOf(t.Field(i)); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

func fieldsOf(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		if name := keyOf(t.Field(i)); name != "" {
			fields[name] = i
		}
	}
	return fields
}

func keyOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

type pair struct {
	name  string
	line  int
	value *yaml.Node
}

// pairs returns a mapping's keys and values in order, those of YAML's merge keys ("<<") last and
// only where the mapping has none of its own. A repeated key is a fault.
func (d *decoder) pairs(n *yaml.Node, key string) []pair {
	seen := map[string]int{}
	var own, merges []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		for name.Kind == yaml.AliasNode {
			name = name.Alias
		}
		if name.Kind != yaml.ScalarNode {
			d.file.lines[key] = name.Line
			d.file.Add(key, "has a key that is "+kindOf(name), "write keys as text")
			continue
		}
		p := pair{name: name.Value, line: n.Content[i].Line, value: value}
		if name.Tag == "!!merge" {
			merges = append(merges, p)
			continue
		}
		if first, again := seen[p.name]; again {
			d.file.Faults = append(d.file.Faults, Fault{File: d.file.Name, Line: p.line, Key: Join(key, p.name),
				Problem: fmt.Sprintf("the key is already on line %d", first), Fix: "remove one of the two"})
			continue
		}
		seen[p.name] = p.line
		own = append(own, p)
	}
	for _, m := range merges {
		own = d.merge(own, seen, m, key)
	}
	return own
}

func (d *decoder) merge(own []pair, seen map[string]int, from pair, key string) []pair {
	sources := []*yaml.Node{from.value}
	if from.value.Kind == yaml.SequenceNode {
		sources = from.value.Content
	}
	for _, source := range sources {
		if source.Kind == yaml.AliasNode {
			source = source.Alias
		}
		if d.nodes++; source.Kind != yaml.MappingNode || d.nodes > maxNodes {
			d.file.Add(Join(key, "<<"), "merges what is no group of keys", "name an anchor of one")
			continue
		}
		for i := 0; i+1 < len(source.Content); i += 2 {
			name := source.Content[i]
			if _, has := seen[name.Value]; has || name.Tag == "!!merge" {
				continue
			}
			seen[name.Value] = name.Line
			own = append(own, pair{name: name.Value, line: name.Line, value: source.Content[i+1]})
		}
	}
	return own
}
