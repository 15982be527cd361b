package delta

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/table"
)

// field is a column in the schema's JSON. Metadata is kept as it is, whatever others put there.
type field struct {
	Name     string                     `json:"name"`
	Type     json.RawMessage            `json:"type"` // a string, or an object for nested types
	Nullable bool                       `json:"nullable"`
	Metadata map[string]json.RawMessage `json:"metadata"`
}

type structType struct {
	Type   string  `json:"type"` // "struct"
	Fields []field `json:"fields"`
}

var knownTypes = []table.Type{
	table.Byte, table.Short, table.Integer, table.Long, table.Float, table.Double,
	table.Boolean, table.String, table.Binary, table.Date, table.Timestamp,
}

func parseFields(schema string) ([]field, error) {
	var s structType
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		return nil, fmt.Errorf("%w: schema is not JSON: %w", ErrCorrupt, err)
	}
	if s.Type != "struct" {
		return nil, fmt.Errorf("%w: schema is of type %q, not struct", ErrCorrupt, s.Type)
	}
	return s.Fields, nil
}

// parseSchema reads the schema's JSON; types that package table does not have are ErrProtocol.
func parseSchema(text string) (table.Schema, error) {
	fields, err := parseFields(text)
	if err != nil {
		return nil, err
	}
	schema := make(table.Schema, len(fields))
	for i, f := range fields {
		t, err := f.tableType()
		if err != nil {
			return nil, err
		}
		schema[i] = table.Column{Name: f.Name, Type: t, Nullable: f.Nullable, Comment: f.comment()}
	}
	return schema, nil
}

func (f field) tableType() (table.Type, error) {
	var name string
	if err := json.Unmarshal(f.Type, &name); err != nil {
		var nested struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(f.Type, &nested) // only for the message
		return "", fmt.Errorf("%w: column %q has the nested type %q, which cannot be read here", ErrProtocol, f.Name, nested.Type)
	}
	t := table.Type(strings.ReplaceAll(name, " ", ""))
	if err := checkType(t); err != nil {
		return "", fmt.Errorf("%w: column %q: %w", ErrProtocol, f.Name, err)
	}
	return t, nil
}

func checkType(t table.Type) error {
	if p, s, ok := t.DecimalOf(); ok && t == table.Decimal(p, s) && p >= 1 && p <= 38 && s >= 0 && s <= p {
		return nil
	}
	if slices.Contains(knownTypes, t) {
		return nil
	}
	return fmt.Errorf("type %q is not known here", t)
}

func (f field) comment() string {
	var comment string
	_ = json.Unmarshal(f.Metadata["comment"], &comment) // absent or not text: no comment
	return comment
}

// schemaJSON writes a schema, keeping what known says about columns of the same name.
func schemaJSON(schema table.Schema, known []field) (string, error) {
	fields := make([]field, len(schema))
	for i, c := range schema {
		if err := checkColumn(schema, i); err != nil {
			return "", err
		}
		metadata := map[string]json.RawMessage{}
		if at := slices.IndexFunc(known, func(f field) bool { return strings.EqualFold(f.Name, c.Name) }); at >= 0 {
			for k, v := range known[at].Metadata {
				metadata[k] = v
			}
		}
		delete(metadata, "comment")
		if c.Comment != "" {
			metadata["comment"] = mustJSON(c.Comment)
		}
		fields[i] = field{Name: c.Name, Type: mustJSON(c.Type), Nullable: c.Nullable, Metadata: metadata}
	}
	text, err := json.Marshal(structType{"struct", fields})
	return string(text), err
}

// CheckName refuses a column's name that a Delta table without column mapping cannot have.
func CheckName(name string) error {
	if name == "" || strings.ContainsAny(name, " ,;{}()\n\t=") {
		return fmt.Errorf("column name %q: Delta allows no spaces and none of ,;{}()= in a name", name)
	}
	return nil
}

// checkColumn refuses columns that a Delta table of ours cannot have.
func checkColumn(schema table.Schema, i int) error {
	c := schema[i]
	if err := CheckName(c.Name); err != nil {
		return fmt.Errorf("%w: %w; rename the column", ErrInvalid, err)
	}
	if schema.Find(c.Name) != i {
		return fmt.Errorf("%w: two columns are named %q (case does not count); rename one", ErrInvalid, c.Name)
	}
	if err := checkType(c.Type); err != nil {
		return fmt.Errorf("%w: column %q: %w", ErrInvalid, c.Name, err)
	}
	return nil
}

// mustJSON marshals what cannot fail: strings.
func mustJSON[T ~string](text T) json.RawMessage {
	raw, err := json.Marshal(string(text))
	if err != nil {
		panic(err)
	}
	return raw
}
