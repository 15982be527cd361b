package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// File is a parsed file and what was found wrong with it so far.
type File struct {
	Name   string
	Faults Faults

	root  *yaml.Node
	lines map[string]int  // key path → line
	wrong map[string]bool // key paths whose value could not be read
}

// Parse reads a file's text: JSON when the name ends in .json, else YAML. An empty file is an empty
// mapping. What does not parse is a fault, and then Decode does nothing.
func Parse(name string, data []byte) *File {
	if strings.EqualFold(filepath.Ext(name), ".json") {
		return ParseJSON(name, data)
	}
	root, err := parseYAML(data)
	return newFile(name, root, err)
}

// ParseJSON is Parse for JSON under any name.
func ParseJSON(name string, data []byte) *File {
	root, err := parseJSON(data)
	return newFile(name, root, err)
}

func newFile(name string, root *yaml.Node, err error) *File {
	f := &File{Name: name, lines: map[string]int{}, wrong: map[string]bool{}}
	if err != nil {
		line, problem := syntaxError(err)
		f.Faults = append(f.Faults, Fault{File: name, Line: line, Problem: problem, Fix: "correct the syntax"})
		return f
	}
	f.root = root
	return f
}

// Parsed says whether the file's syntax is right, so that Decode has something to read.
func (f *File) Parsed() bool { return f.root != nil }

// Add notes a fault at a key, with the line of the key or, when it is missing, of the nearest one
// above it. Nothing is added below a value that could not be read: that is a fault already.
func (f *File) Add(key, problem, fix string) {
	for at := key; ; at = parent(at) {
		if f.wrong[at] {
			return
		}
		if at == "" {
			break
		}
	}
	f.Faults = append(f.Faults, Fault{File: f.Name, Line: f.line(key), Key: key, Problem: problem, Fix: fix})
}

// Has says whether the file has the key, with a value other than null.
func (f *File) Has(key string) bool {
	_, ok := f.lines[key]
	return ok
}

func (f *File) line(key string) int {
	for key != "" {
		if line, ok := f.lines[key]; ok {
			return line
		}
		key = parent(key)
	}
	return f.lines[""]
}

func parent(key string) string { return key[:max(0, strings.LastIndexAny(key, ".["))] }

func parseYAML(data []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1}, nil
	}
	if err != nil {
		return nil, err
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		return nil, fmt.Errorf("yaml: line %d: a second document begins here, and a file holds one", second.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	root := doc.Content[0]
	if isNull(root) {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1}, nil
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func syntaxError(err error) (line int, problem string) {
	if at := (*jsonError)(nil); errors.As(err, &at) {
		return at.line, "is not valid JSON: " + at.err.Error()
	}
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // without a line it stays 0
		text = text[len(m[0]):]
	}
	return line, "is not valid YAML: " + text
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
