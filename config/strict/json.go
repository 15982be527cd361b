package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how deep values nest; a config needs six levels.
const maxDepth = 100

type jsonError struct {
	line int
	err  error
}

func (e *jsonError) Error() string { return e.err.Error() }

// parseJSON reads JSON into the nodes that YAML gives, so that everything after it is the same for
// both. The YAML parser itself refuses some JSON: tabs as indentation, surrogate pairs.
func parseJSON(data []byte) (*yaml.Node, error) {
	p := jsonParser{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1}
	p.decoder.UseNumber()
	if len(bytes.TrimSpace(data)) == 0 {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1}, nil
	}
	root, err := p.value(0)
	if err == nil {
		if _, end := p.decoder.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("text follows the end of the value")
		}
	}
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		p.here()
		return nil, &jsonError{line: p.line, err: err}
	}
	return root, nil
}

type jsonParser struct {
	data    []byte
	decoder *json.Decoder
	line    int // of offset
	offset  int
}

// here moves to the decoder's position and returns its line.
func (p *jsonParser) here() int {
	to := min(int(p.decoder.InputOffset()), len(p.data))
	p.line += bytes.Count(p.data[p.offset:to], []byte("\n"))
	p.offset = to
	return p.line
}

func (p *jsonParser) value(depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("values nest deeper than %d", maxDepth)
	}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: p.here()}
	switch t := token.(type) {
	case json.Delim:
		return node, p.children(node, t, depth)
	case string:
		node.Tag, node.Value, node.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		node.Tag, node.Value = "!!int", t.String()
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	case bool:
		node.Tag, node.Value = "!!bool", fmt.Sprint(t)
	case nil:
		node.Tag, node.Value = "!!null", "null"
	}
	return node, nil
}

// children reads an object (keys and values in turn, as YAML has them) or an array, to its end.
func (p *jsonParser) children(node *yaml.Node, open json.Delim, depth int) error {
	node.Kind, node.Tag = yaml.MappingNode, "!!map"
	if open == '[' {
		node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
	}
	for p.decoder.More() {
		child, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		node.Content = append(node.Content, child)
	}
	_, err := p.decoder.Token()
	return err
}
