package delta

import "fmt"

// actions appends the actions of a row group to c.
func (all *leaves) actions(c *commit) error {
	if len(all.present) == 0 {
		return nil // of other columns
	}
	for row := range all.rows {
		for column, present := range all.present {
			read := checkpointReaders[column]
			if !present[row] || read == nil {
				continue
			}
			if err := read(c, fieldsOf{all, column + "."}, row); err != nil {
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
		c.metadata.Format = Format{f.text("format.provider", row), f.strings("format.options", row)}
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

// fieldsOf are the fields of a struct column. A missing or NULL one reads as zero.
type fieldsOf struct {
	all    *leaves
	prefix string
}

func (f fieldsOf) value(name string, row int) any {
	if l := f.all.columns[f.prefix+name]; l != nil && l.values != nil {
		return l.values[row]
	}
	return nil
}

func (f fieldsOf) items(name string, row int) []any {
	if l := f.all.columns[f.prefix+name]; l != nil && l.items != nil {
		return l.items[row]
	}
	return nil
}

func (f fieldsOf) text(name string, row int) string {
	return as[string](f, name, row)
}

// as is a value, or zero when there is none. One of another type panics, which becomes ErrCorrupt.
func as[T any](f fieldsOf, name string, row int) T {
	v := f.value(name, row)
	if v == nil {
		var none T
		return none
	}
	if typed, ok := v.(T); ok {
		return typed
	}
	panic(fmt.Sprintf("%s%s is a %T", f.prefix, name, v))
}

func (f fieldsOf) int(name string, row int) int64 {
	return as[int64](f, name, row)
}

func (f fieldsOf) bool(name string, row int) bool {
	return as[bool](f, name, row)
}

func (f fieldsOf) vector(name string, row int) *DeletionVector {
	if f.value(name+".storageType", row) == nil {
		return nil
	}
	v := &DeletionVector{
		StorageType: f.text(name+".storageType", row), PathOrInlineDv: f.text(name+".pathOrInlineDv", row),
		SizeInBytes: int32(f.int(name+".sizeInBytes", row)), Cardinality: f.int(name+".cardinality", row),
	}
	if offset, ok := f.value(name+".offset", row).(int64); ok {
		n := int32(offset)
		v.Offset = &n
	}
	return v
}

func (f fieldsOf) list(name string, row int) []string {
	items := f.items(name, row)
	if items == nil {
		return nil
	}
	list := make([]string, len(items))
	for i, item := range items {
		list[i], _ = item.(string)
	}
	return list
}

func (f fieldsOf) pointers(name string, row int) map[string]*string {
	keys, items := f.items(name+".key", row), f.items(name+".value", row)
	if keys == nil {
		return nil
	}
	values := make(map[string]*string, len(keys))
	for i, key := range keys {
		name, _ := key.(string)
		values[name] = nil
		if i >= len(items) {
			continue
		}
		if text, ok := items[i].(string); ok {
			values[name] = &text
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
