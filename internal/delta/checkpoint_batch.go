package delta

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

func hasChild(column int, name string) bool {
	_, ok := checkpointSchema.Field(column).Type.(*arrow.StructType).FieldByName(name)
	return ok
}

// readCheckpointBatch appends the actions of a record batch to c.
func readCheckpointBatch(batch arrow.RecordBatch, c *commit) error {
	for i, column := range batch.Columns() {
		rows, ok := column.(*array.Struct)
		if !ok {
			continue
		}
		read := checkpointReaders[batch.ColumnName(i)]
		fields := structFields(rows)
		for row := range rows.Len() {
			if rows.IsNull(row) || read == nil {
				continue
			}
			if err := read(c, fields, row); err != nil {
				return err
			}
		}
	}
	return nil
}

var checkpointReaders = map[string]func(*commit, fieldsOf, int) error{
	"txn": func(c *commit, f fieldsOf, row int) error {
		t := txn{f.text("appId", row), f.int("version", row), f.int("lastUpdated", row)}
		c.txns = append(c.txns, t)
		return needed(t.AppID, "txn.appId")
	},
	"add": func(c *commit, f fieldsOf, row int) error {
		a := &Add{
			Path: f.text("path", row), PartitionValues: f.pointers("partitionValues", row), Size: f.int("size", row),
			ModificationTime: f.int("modificationTime", row), DataChange: f.bool("dataChange", row), Stats: f.text("stats", row),
			Tags: f.strings("tags", row), DeletionVector: f.vector("deletionVector", row),
		}
		c.files = append(c.files, fileChange{add: a})
		return a.finish()
	},
	"remove": func(c *commit, f fieldsOf, row int) error {
		r := &Remove{
			Path: f.text("path", row), DeletionTimestamp: f.int("deletionTimestamp", row), DataChange: f.bool("dataChange", row),
			ExtendedFileMetadata: f.bool("extendedFileMetadata", row), PartitionValues: f.pointers("partitionValues", row),
			Size: f.int("size", row), Tags: f.strings("tags", row), DeletionVector: f.vector("deletionVector", row),
		}
		c.files = append(c.files, fileChange{remove: r})
		return r.finish()
	},
	"metaData": func(c *commit, f fieldsOf, row int) error {
		c.metadata = &Metadata{
			ID: f.text("id", row), Name: f.text("name", row), Description: f.text("description", row),
			SchemaString: f.text("schemaString", row), PartitionColumns: f.list("partitionColumns", row),
			Configuration: f.strings("configuration", row), CreatedTime: f.int("createdTime", row),
		}
		if format, ok := f["format"].(*array.Struct); ok {
			c.metadata.Format = Format{structFields(format).text("provider", row), structFields(format).strings("options", row)}
		}
		return needed(c.metadata.SchemaString, "metaData.schemaString")
	},
	"protocol": func(c *commit, f fieldsOf, row int) error {
		c.protocol = &Protocol{
			MinReaderVersion: int(f.int("minReaderVersion", row)), MinWriterVersion: int(f.int("minWriterVersion", row)),
			ReaderFeatures: f.list("readerFeatures", row), WriterFeatures: f.list("writerFeatures", row),
		}
		return c.protocol.checkRead()
	},
}

func needed(value, name string) error {
	if value == "" {
		return fmt.Errorf("%w: no %s", ErrCorrupt, name)
	}
	return nil
}

// fieldsOf are the children of a struct column, by name. A missing or NULL one reads as zero.
type fieldsOf map[string]arrow.Array

func structFields(s *array.Struct) fieldsOf {
	fields := fieldsOf{}
	for i, f := range s.DataType().(*arrow.StructType).Fields() {
		fields[f.Name] = s.Field(i)
	}
	return fields
}

func (f fieldsOf) text(name string, row int) string { return textAt(f[name], row) }

// textAt copies the string, so that it does not keep the whole batch in memory.
func textAt(a arrow.Array, row int) string {
	if a == nil || a.IsNull(row) {
		return ""
	}
	if s, ok := a.(interface{ Value(int) string }); ok {
		return strings.Clone(s.Value(row))
	}
	panic(fmt.Sprintf("a column of type %s where a string belongs", a.DataType())) // becomes ErrCorrupt
}

func (f fieldsOf) int(name string, row int) int64 {
	switch a := f[name].(type) {
	case *array.Int64:
		if a.IsValid(row) {
			return a.Value(row)
		}
	case *array.Int32:
		if a.IsValid(row) {
			return int64(a.Value(row))
		}
	}
	return 0
}

func (f fieldsOf) bool(name string, row int) bool {
	a, ok := f[name].(*array.Boolean)
	return ok && a.IsValid(row) && a.Value(row)
}

func (f fieldsOf) vector(name string, row int) *DeletionVector {
	a, ok := f[name].(*array.Struct)
	if !ok || a.IsNull(row) {
		return nil
	}
	fields := structFields(a)
	v := &DeletionVector{
		StorageType: fields.text("storageType", row), PathOrInlineDv: fields.text("pathOrInlineDv", row),
		SizeInBytes: int32(fields.int("sizeInBytes", row)), Cardinality: fields.int("cardinality", row),
	}
	if offset := fields["offset"]; offset != nil && offset.IsValid(row) {
		n := int32(fields.int("offset", row))
		v.Offset = &n
	}
	return v
}

func (f fieldsOf) list(name string, row int) []string {
	a, ok := f[name].(*array.List)
	if !ok || a.IsNull(row) {
		return nil
	}
	from, to := a.ValueOffsets(row)
	list := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		list = append(list, textAt(a.ListValues(), int(i)))
	}
	return list
}

func (f fieldsOf) pointers(name string, row int) map[string]*string {
	a, ok := f[name].(*array.Map)
	if !ok || a.IsNull(row) {
		return nil
	}
	from, to := a.ValueOffsets(row)
	values := make(map[string]*string, to-from)
	for i := int(from); i < int(to); i++ {
		key := textAt(a.Keys(), i)
		values[key] = nil
		if a.Items().IsValid(i) {
			text := textAt(a.Items(), i)
			values[key] = &text
		}
	}
	return values
}

func (f fieldsOf) strings(name string, row int) map[string]string {
	pointers := f.pointers(name, row)
	if pointers == nil {
		return nil
	}
	values := make(map[string]string, len(pointers))
	for k, v := range pointers {
		if v != nil {
			values[k] = *v
		}
	}
	return values
}
