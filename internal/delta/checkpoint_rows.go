package delta

import (
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// checkpointBatch is how many rows are built before they are written.
const checkpointBatch = 8192

// checkpointRows appends actions to record batches of checkpointSchema and hands each full one to write.
type checkpointRows struct {
	builder *array.RecordBuilder
	write   func(arrow.RecordBatch) error
	pending int
	count   int64
	err     error
}

func newCheckpointRows(write func(arrow.RecordBatch) error) *checkpointRows {
	return &checkpointRows{builder: array.NewRecordBuilder(memory.DefaultAllocator, checkpointSchema), write: write}
}

// row appends a row that has the one column, whose fields get the values in order: string, int64, int32, bool, []string,
// map[string]*string, map[string]string, []any for a struct, or nil.
func (r *checkpointRows) row(column int, values ...any) {
	if r.err != nil {
		return
	}
	for i := range checkpointSchema.NumFields() {
		if i == column {
			appendStruct(r.builder.Field(i).(*array.StructBuilder), values)
		} else {
			r.builder.Field(i).AppendNull()
		}
	}
	r.count++
	if r.pending++; r.pending == checkpointBatch {
		r.flush()
	}
}

func (r *checkpointRows) flush() {
	if r.err != nil || r.pending == 0 {
		return
	}
	batch := r.builder.NewRecordBatch()
	defer batch.Release()
	r.err, r.pending = r.write(batch), 0
}

func appendStruct(b *array.StructBuilder, values []any) {
	b.Append(true)
	for i, value := range values {
		appendValue(b.FieldBuilder(i), value)
	}
}

func appendValue(b array.Builder, value any) {
	switch v := value.(type) {
	case string:
		b.(*array.StringBuilder).Append(v)
	case int64:
		b.(*array.Int64Builder).Append(v)
	case int32:
		b.(*array.Int32Builder).Append(v)
	case bool:
		b.(*array.BooleanBuilder).Append(v)
	case []any:
		appendStruct(b.(*array.StructBuilder), v)
	case []string:
		list := b.(*array.ListBuilder)
		list.Append(true)
		for _, text := range v {
			list.ValueBuilder().(*array.StringBuilder).Append(text)
		}
	case map[string]*string:
		appendMap(b.(*array.MapBuilder), v, func(s *string) (string, bool) {
			if s == nil {
				return "", false
			}
			return *s, true
		})
	case map[string]string:
		appendMap(b.(*array.MapBuilder), v, func(s string) (string, bool) { return s, true })
	default:
		b.AppendNull()
	}
}

func appendMap[T any](b *array.MapBuilder, values map[string]T, text func(T) (string, bool)) {
	b.Append(true)
	keys, items := b.KeyBuilder().(*array.StringBuilder), b.ItemBuilder().(*array.StringBuilder)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		keys.Append(key)
		if v, ok := text(values[key]); ok {
			items.Append(v)
		} else {
			items.AppendNull()
		}
	}
}

// orNil is nil for a zero value: unknown, not empty.
func orNil[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

// appendTo writes the snapshot as checkpoint rows. Tombstones are given apart, without the expired ones.
func (s *Snapshot) appendTo(r *checkpointRows, tombstones []*Remove) {
	p, m := s.Protocol, s.Metadata.complete()
	r.row(columnProtocol, int32(p.MinReaderVersion), int32(p.MinWriterVersion), features(p.ReaderFeatures), features(p.WriterFeatures))
	r.row(columnMetadata, m.ID, orNil(m.Name), orNil(m.Description), []any{m.Format.Provider, m.Format.Options},
		m.SchemaString, m.PartitionColumns, m.Configuration, orNil(m.CreatedTime))
	for _, id := range slices.Sorted(maps.Keys(s.txns)) {
		t := s.txns[id]
		r.row(columnTxn, t.AppID, t.Version, orNil(t.LastUpdated))
	}
	for _, f := range tombstones {
		var values any
		if f.PartitionValues != nil {
			values = f.PartitionValues
		}
		r.row(columnRemove, f.Path, f.DeletionTimestamp, f.DataChange, f.ExtendedFileMetadata, values, orNil(f.Size), tags(f.Tags), vector(f.DeletionVector))
	}
	for _, a := range s.files {
		values := a.PartitionValues
		if values == nil {
			values = map[string]*string{}
		}
		r.row(columnAdd, a.Path, values, a.Size, a.ModificationTime, a.DataChange, orNil(a.Stats), tags(a.Tags), vector(a.DeletionVector))
	}
	r.flush()
}

func vector(v *DeletionVector) any {
	if v == nil {
		return nil
	}
	var offset any
	if v.Offset != nil {
		offset = *v.Offset
	}
	return []any{v.StorageType, v.PathOrInlineDv, offset, v.SizeInBytes, v.Cardinality}
}

func features(names []string) any {
	if names == nil {
		return nil
	}
	return names
}

func tags(values map[string]string) any {
	if values == nil {
		return nil
	}
	return values
}
