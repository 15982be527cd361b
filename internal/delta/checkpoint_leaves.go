package delta

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// leaves are the columns of a checkpoint's row group by name: "add.path", "add.partitionValues.key", "add.partitionValues.value",
// "metaData.partitionColumns".
type leaves struct {
	rows    int
	most    int64 // cells that a column can have
	columns map[string]*leaf
	present map[string][]bool // by the struct at the top, by row
}

// leaf is a column, by row: its value (string, int64 or bool; nil is NULL), or its items when it repeats (nil is NULL, not empty).
type leaf struct {
	values []any
	items  [][]any
}

// readLeaves reads columns of a row group of a file of so many bytes.
func readLeaves(group *file.RowGroupReader, wanted []int, size int64) (*leaves, error) {
	// A row has a path that no other row has, so that it takes a byte; a damaged file can say more rows than there is memory for.
	most := 1<<20 + 64*size
	if group.NumRows() > most {
		return nil, fmt.Errorf("it has %d rows in %d bytes", group.NumRows(), size)
	}
	all := &leaves{rows: int(group.NumRows()), most: most, columns: map[string]*leaf{}, present: map[string][]bool{}}
	for _, i := range wanted {
		chunk, err := group.MetaData().ColumnChunk(i)
		if err != nil {
			return nil, err
		}
		if n := chunk.TotalCompressedSize(); n < 0 || n > size { // the library takes memory for it before it reads
			return nil, fmt.Errorf("column %d has %d bytes, the file %d", i, n, size)
		}
		reader, err := group.Column(i)
		if err != nil {
			return nil, err
		}
		if err := all.read(reader); err != nil {
			return nil, fmt.Errorf("column %s: %w", reader.Descriptor().Path(), err)
		}
	}
	return all, nil
}

func (all *leaves) read(reader file.ColumnChunkReader) error {
	d := reader.Descriptor()
	if d.MaxRepetitionLevel() > 1 {
		return fmt.Errorf("it is nested too deep")
	}
	l := &leaf{}
	top, name := leafName(d)
	present := all.present[top]
	if present == nil {
		present = make([]bool, 0, min(all.rows, checkpointBatch))
	}
	row, cells := -1, int64(0)
	err := readCells(reader, func(def, rep int16, value any) error {
		if cells++; cells > all.most {
			return fmt.Errorf("it has more than %d values", all.most)
		}
		if rep == 0 {
			if row++; row == len(present) {
				present = append(present, false)
			}
			present[row] = present[row] || def > 0
		}
		return l.add(d, def, rep, value)
	})
	if err != nil {
		return err
	}
	if row+1 != all.rows {
		return fmt.Errorf("it has %d rows of %d", row+1, all.rows)
	}
	all.present[top], all.columns[name] = present, l
	return nil
}

// add appends a value at its levels (see Parquet's description of nested encoding).
func (l *leaf) add(d *schema.Column, def, rep int16, value any) error {
	if d.MaxRepetitionLevel() == 0 {
		l.values = append(l.values, value)
		return nil
	}
	repeated := d.MaxDefinitionLevel() // the level from which on there is an item
	if d.SchemaNode().RepetitionType() == parquet.Repetitions.Optional {
		repeated--
	}
	switch {
	case rep > 0 && (len(l.items) == 0 || def < repeated):
		return fmt.Errorf("an item belongs to no row")
	case rep > 0:
	case def < repeated-1:
		l.items = append(l.items, nil)
	default:
		l.items = append(l.items, []any{})
	}
	if def >= repeated {
		last := len(l.items) - 1
		l.items[last] = append(l.items[last], value)
	}
	return nil
}

// leafName leaves out the groups that Parquet has between a map or list and its items, whose names differ between writers.
func leafName(d *schema.Column) (top, name string) {
	parts := strings.Split(d.ColumnPath().String(), ".")
	if last := parts[len(parts)-1]; d.MaxRepetitionLevel() > 0 {
		if parts = parts[:len(parts)-2]; last == "key" || last == "value" {
			parts = append(parts, last)
		}
	}
	return parts[0], strings.Join(parts, ".")
}

// readCells calls cell with every value of a column: string, int64, bool, or nil.
func readCells(reader file.ColumnChunkReader, cell func(def, rep int16, value any) error) error {
	switch r := reader.(type) {
	case *file.ByteArrayColumnChunkReader:
		return readTyped(reader, r.ReadBatch, cell, func(v parquet.ByteArray) any { return string(v) })
	case *file.Int64ColumnChunkReader:
		return readTyped(reader, r.ReadBatch, cell, func(v int64) any { return v })
	case *file.Int32ColumnChunkReader:
		return readTyped(reader, r.ReadBatch, cell, func(v int32) any { return int64(v) })
	case *file.BooleanColumnChunkReader:
		return readTyped(reader, r.ReadBatch, cell, func(v bool) any { return v })
	}
	return fmt.Errorf("its type %s is none that a checkpoint has", reader.Type())
}

func readTyped[T any](reader file.ColumnChunkReader, read func(int64, []T, []int16, []int16) (int64, int, error),
	cell func(def, rep int16, value any) error, natural func(T) any) error {
	most := reader.Descriptor().MaxDefinitionLevel()
	values, defs, reps := make([]T, checkpointBatch), make([]int16, checkpointBatch), make([]int16, checkpointBatch)
	for reader.HasNext() {
		total, count, err := read(checkpointBatch, values, defs, reps)
		if err != nil {
			return err
		}
		if total == 0 {
			break
		}
		next := 0
		for i := range total {
			var value any
			if most == 0 || defs[i] == most {
				if next == count {
					return fmt.Errorf("it has fewer values than it says")
				}
				value, next = natural(values[next]), next+1
			}
			if err := cell(defs[i], reps[i], value); err != nil {
				return err
			}
		}
	}
	return reader.Err()
}
