package strict

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Scalar is a type that reads itself from a scalar. Tag is YAML's: !!str, !!int, !!float, !!bool or
// !!timestamp. The error says what is wrong and what is wanted, and does not show the text.
type Scalar interface {
	FromScalar(tag, text string) error
}

// maxNodes bounds what a file's aliases can expand to.
const maxNodes = 1_000_000

// Decode fills a struct from the file. Fields go by their json tags; keys are matched exactly.
// Structs, slices, maps from text, text, numbers, booleans, durations ("10m", "7d") and Scalars are
// known. A key that is missing or null leaves the field as it was, so defaults are set before. Whatever does
// not fit becomes a fault.
func (f *File) Decode(into any) {
	if f.root == nil {
		return
	}
	d := decoder{file: f}
	d.decode(f.root, reflect.ValueOf(into).Elem(), "", 0)
}

type decoder struct {
	file  *File
	nodes int
}

func (d *decoder) decode(n *yaml.Node, v reflect.Value, key string, depth int) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.nodes++; d.nodes > maxNodes || depth > maxDepth {
		if d.nodes <= maxNodes+1 {
			d.file.Add(key, "holds too much, or itself", "write it without aliases")
		}
		d.nodes = max(d.nodes, maxNodes+1)
		return
	}
	if isNull(n) && !wantsNullAsText(n, v) {
		return
	}
	d.file.lines[key] = n.Line
	if s, ok := v.Addr().Interface().(Scalar); ok {
		d.scalar(n, s, key)
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(n, v, key)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, key, depth)
	case reflect.Map:
		d.mapping(n, v, key, depth)
	case reflect.Slice:
		d.sequence(n, v, key, depth)
	default:
		d.text(n, v, key)
	}
}

// wantsNullAsText: nothing is written between "key:" and the line's end for an absent value, but
// the plain word null is what some settings are called.
func wantsNullAsText(n *yaml.Node, v reflect.Value) bool {
	return v.Type() == reflect.TypeFor[Word]() && n.Value == "null"
}

// Word is text that may be the word null, which plain YAML reads as no value.
type Word string

func (d *decoder) structure(n *yaml.Node, v reflect.Value, key string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, key, "keys and values")
		return
	}
	fields := fieldsOf(v.Type())
	for _, p := range d.pairs(n, key) {
		field, ok := fields[p.name]
		if !ok {
			d.unknown(p, key, Keys(v.Type()))
			continue
		}
		d.decode(p.value, v.Field(field), Join(key, p.name), depth+1)
	}
}

func (d *decoder) unknown(p pair, parent string, known []string) {
	key := Join(parent, p.name)
	d.file.lines[key] = p.line
	fix := OneOf(known)
	if near := Nearest(p.name, known); near != "" {
		fix = fmt.Sprintf("did you mean %s?", near)
	}
	d.file.Add(key, "unknown key", fix)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, key string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, key, "keys and values")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range d.pairs(n, key) {
		value := reflect.New(v.Type().Elem()).Elem()
		if isNull(p.value) {
			d.file.lines[Join(key, p.name)] = p.line
			d.fault(Join(key, p.name), "has no value", `write one, "" for empty text`)
			continue
		}
		d.decode(p.value, value, Join(key, p.name), depth+1)
		v.SetMapIndex(reflect.ValueOf(p.name).Convert(v.Type().Key()), value)
	}
}

func (d *decoder) sequence(n *yaml.Node, v reflect.Value, key string, depth int) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(n, key, "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, child := range n.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		if isNull(child) {
			d.file.lines[at] = child.Line
			d.fault(at, "is empty", "remove it")
			continue
		}
		d.decode(child, v.Index(i), at, depth+1)
	}
}

func (d *decoder) scalar(n *yaml.Node, s Scalar, key string) {
	if n.Kind != yaml.ScalarNode {
		d.wrong(n, key, "one value")
		return
	}
	if err := s.FromScalar(n.ShortTag(), n.Value); err != nil {
		problem, fix, _ := strings.Cut(err.Error(), "; ")
		d.fault(key, problem, fix)
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, key string) {
	tag := n.ShortTag()
	if n.Kind != yaml.ScalarNode {
		tag = ""
	}
	switch v.Kind() {
	case reflect.String:
		switch tag {
		case "!!str", "!!null":
			v.SetString(n.Value)
		case "":
			d.wrong(n, key, "text")
		default:
			d.wrong(n, key, "it in quotes, as text")
		}
	case reflect.Bool:
		if tag != "!!bool" {
			d.wrong(n, key, "true or false")
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int64:
		number, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if tag != "!!int" || err != nil {
			d.wrong(n, key, "a whole number")
			return
		}
		v.SetInt(number)
	default:
		panic("strict: no reading of " + v.Type().String())
	}
}

func (d *decoder) duration(n *yaml.Node, v reflect.Value, key string) {
	duration, ok := ParseDuration(n.Value)
	switch {
	case n.Kind != yaml.ScalarNode || !ok && n.ShortTag() != "!!str":
		d.wrong(n, key, "a time with its unit, such as 30s, 10m, 12h or 7d")
	case !ok && strings.HasPrefix(n.Value, "-"):
		d.fault(key, "is a negative time", "write one of 0 or more")
	case !ok:
		d.fault(key, "is not a time", "write a number and its unit, such as 30s, 10m, 12h or 7d")
	default:
		v.SetInt(int64(duration))
	}
}

func (d *decoder) wrong(n *yaml.Node, key, want string) {
	d.fault(key, "is "+kindOf(n), "write "+want)
}

// fault notes that a value could not be read.
func (d *decoder) fault(key, problem, fix string) {
	d.file.Add(key, problem, fix)
	d.file.wrong[key] = true
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int":
		return "a number"
	case "!!float":
		return "a fractional number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}

var plainKey = regexp.MustCompile(`^[\pL\pN_-]+$`)

// Join appends a key to a path: lake.path, or fill["a.b"] where the name would read as two keys.
func Join(parent, name string) string {
	switch {
	case !plainKey.MatchString(name):
		return fmt.Sprintf("%s[%q]", parent, name)
	case parent == "":
		return name
	}
	return parent + "." + name
}
