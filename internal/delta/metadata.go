package delta

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"tributary/internal/table"
)

// Metadata describes a table.
type Metadata struct {
	ID               string            `json:"id"`
	Name             string            `json:"name,omitempty"`
	Description      string            `json:"description,omitempty"`
	Format           Format            `json:"format"`
	SchemaString     string            `json:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns"`
	Configuration    map[string]string `json:"configuration"`
	CreatedTime      int64             `json:"createdTime,omitempty"` // ms since the epoch
}

// Format is the format of a table's data files: always parquet.
type Format struct {
	Provider string            `json:"provider"`
	Options  map[string]string `json:"options"`
}

// NewMetadata describes a new table with a fresh id. Columns may be of every type of package table;
// properties that need more than writer version 2 are refused.
func NewMetadata(name, comment string, schema table.Schema, partitionBy []string, properties map[string]string) (Metadata, error) {
	text, err := schemaJSON(schema, nil)
	if err != nil {
		return Metadata{}, err
	}
	m := Metadata{
		ID: uuid.NewString(), Name: name, Description: comment, Format: Format{"parquet", map[string]string{}},
		SchemaString: text, PartitionColumns: []string{}, Configuration: map[string]string{}, CreatedTime: time.Now().UnixMilli(),
	}
	for k, v := range properties {
		m.Configuration[k] = v
	}
	for _, column := range partitionBy {
		i := schema.Find(column)
		if i < 0 {
			return Metadata{}, fmt.Errorf("%w: partition column %q is not a column of table %s", ErrInvalid, column, name)
		}
		m.PartitionColumns = append(m.PartitionColumns, schema[i].Name)
	}
	return m, m.check(schema)
}

// Schema returns the table's columns; a type that package table does not have is ErrProtocol.
func (m Metadata) Schema() (table.Schema, error) { return parseSchema(m.SchemaString) }

// WithSchema returns the metadata with another schema: columns added, comments changed. What else the
// log says about a column that stays is kept. Commit refuses changes that would leave files unreadable.
func (m Metadata) WithSchema(schema table.Schema) (Metadata, error) {
	known, err := parseFields(m.SchemaString)
	if err != nil {
		return Metadata{}, err
	}
	m.SchemaString, err = schemaJSON(schema, known)
	return m, err
}

// check refuses metadata that this package would not be able to honour.
func (m Metadata) check(schema table.Schema) error {
	if len(m.PartitionColumns) > 0 && len(m.PartitionColumns) >= len(schema) {
		return fmt.Errorf("%w: every column is a partition column; leave at least one out", ErrInvalid)
	}
	seen := map[string]bool{}
	for _, column := range m.PartitionColumns {
		i := schema.Find(column)
		if i < 0 || seen[strings.ToLower(column)] {
			return fmt.Errorf("%w: partition column %q is missing from the schema or named twice", ErrInvalid, column)
		}
		if schema[i].Type == table.Binary {
			return fmt.Errorf("%w: column %q is binary and cannot be a partition column", ErrInvalid, column)
		}
		seen[strings.ToLower(column)] = true
	}
	return m.checkProperties()
}
