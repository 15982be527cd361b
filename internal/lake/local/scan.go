package local

import (
	"fmt"
	"slices"
	"strings"

	"tributary/internal/delta"
	"tributary/internal/table"
)

// inFileTag marks the data files that hold their partition columns too, as Tributary writes them. Files of
// other writers do not: there the log alone knows the values.
const inFileTag = "tributary.partitionColumns"

const inFile = "in-file"

// isOwn says whether Tributary wrote a data file.
func isOwn(add *delta.Add) bool { return add.Tags[inFileTag] == inFile }

// Names of the columns that identify a row while a merge runs; DuckDB gives the first two for a Parquet file.
const (
	fileIndex = "file_index"
	fileRow   = "file_row_number"
)

// reserved are the column names that a table cannot have, because DuckDB's own would hide them.
func reserved(name string) bool {
	return strings.EqualFold(name, fileIndex) || strings.EqualFold(name, fileRow) || strings.HasPrefix(name, "__")
}

// files is a list of a table's data files that are read together.
type files struct {
	dir         string
	schema      table.Schema
	partitionBy []string
	adds        []*delta.Add
	empty       string // a Parquet file without rows
	versions    string // which rows of a table of versions are read
	vectors     vectors
}

// Conditions for the rows of a table of versions that are read.
const (
	allVersions   = ""
	validVersions = " WHERE "
	endedVersions = " WHERE NOT "
)

// parallelBytes is from what size on a file that is read alone is read by several threads.
const parallelBytes = 4 << 20

// pick returns the files at those indexes.
func (f files) pick(indexes []int) files {
	picked := f
	picked.adds = make([]*delta.Add, len(indexes))
	for i, index := range indexes {
		picked.adds[i] = f.adds[index]
	}
	return picked
}

// scan is a SELECT of the named columns of the files' rows, without those that deletion vectors took out of the table (loadVectors must
// have been called before), plus __f, the file's number, and __n, the row's number in the file. numbers[i] is the number of
// adds[i]; nil numbers them in order. Columns that a file does not have are NULL; partition columns that it does not have
// come from the log.
func (f files) scan(columns []string, numbers []int) string {
	var kinds [4][]int // by bits: partition columns from the log, deletion vectors
	for i, add := range f.adds {
		kind := 0
		if len(f.partitionBy) > 0 && !isOwn(add) {
			kind = 1
		}
		if add.DeletionVector != nil {
			kind |= 2
		}
		kinds[kind] = append(kinds[kind], i)
	}
	var parts []string
	for kind, indexes := range kinds {
		if len(indexes) == 0 {
			continue
		}
		part := f.scanPart(columns, indexes, numbers, kind&1 != 0)
		if kind&2 != 0 {
			part = f.vectors.without(part, f.pick(indexes).adds, columns)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return f.scanNothing(columns)
	}
	return strings.Join(parts, " UNION ALL ")
}

func (f files) scanPart(columns []string, indexes, numbers []int, fromLog bool) string {
	part := f.pick(indexes)
	selected := make([]string, 0, len(columns)+3)
	for _, name := range columns {
		column := f.schema[f.schema.Find(name)]
		selected = append(selected, part.value(column, fromLog)+" AS "+quote(column.Name))
	}
	selected = append(selected, numberOf(indexes, numbers)+" AS __f", fileRow+" AS __n")
	if f.adds[indexes[0]].DeletionVector != nil {
		selected = append(selected, f.vectors.key(part.adds)+" AS __k")
	}
	query := fmt.Sprintf("SELECT %s FROM %s", strings.Join(selected, ", "), part.readParquet(fromLog))
	if f.versions != allVersions {
		query += f.versions + part.value(f.schema[f.schema.Find(table.IsCurrent)], fromLog)
	}
	return query
}

// value is a column of the files as their rows have it, or as the log has it.
func (f files) value(column table.Column, fromLog bool) string {
	if fromLog && hasFold(f.partitionBy, column.Name) {
		return f.logValues(column)
	}
	return quote(column.Name)
}

// readParquet names every column and its type, so that DuckDB neither opens each footer while planning
// nor guesses when the first file lacks a column.
func (f files) readParquet(fromLog bool) string {
	paths := make([]string, 0, len(f.adds)+1)
	for _, add := range f.adds {
		paths = append(paths, add.LocalPath(f.dir))
	}
	if len(paths) == 1 && f.adds[0].Size >= parallelBytes {
		paths = append(paths, f.empty) // DuckDB gives a single file whose columns are named one thread, and several files all
	}
	var columns []string
	for _, c := range f.schema {
		if !fromLog || !hasFold(f.partitionBy, c.Name) {
			columns = append(columns, fmt.Sprintf("%s: {name: %[1]s, type: %s, default_value: NULL}",
				table.Literal(c.Name), table.Literal(duckType(c.Type))))
		}
	}
	return fmt.Sprintf("read_parquet(%s, schema = MAP {%s}, hive_partitioning = false)", literals(paths), strings.Join(columns, ", "))
}

// logValues looks up a file's partition value.
func (f files) logValues(column table.Column) string {
	values := make([]string, len(f.adds))
	for i, add := range f.adds {
		values[i] = "NULL"
		if v := partitionValue(add, column.Name); v != nil {
			values[i] = table.Literal(*v)
		}
	}
	return fmt.Sprintf("CAST((%s::VARCHAR[])[%s::BIGINT + 1] AS %s)", list(values), fileIndex, duckType(column.Type))
}

func (f files) scanNothing(columns []string) string {
	selected := make([]string, len(columns))
	for i, name := range columns {
		column := f.schema[f.schema.Find(name)]
		selected[i] = fmt.Sprintf("NULL::%s AS %s", duckType(column.Type), quote(column.Name))
	}
	return fmt.Sprintf("SELECT %s, 0::BIGINT AS __f, 0::BIGINT AS __n WHERE false", strings.Join(selected, ", "))
}

// numberOf maps DuckDB's index in the list of files that it reads to the file's number.
func numberOf(indexes, numbers []int) string {
	texts := make([]string, len(indexes))
	identical := true
	for i, index := range indexes {
		number := index
		if numbers != nil {
			number = numbers[index]
		}
		identical = identical && number == i
		texts[i] = fmt.Sprint(number)
	}
	if identical {
		return fileIndex + "::BIGINT"
	}
	if len(texts) == 1 {
		return texts[0] + "::BIGINT"
	}
	return fmt.Sprintf("(%s::BIGINT[])[%s::BIGINT + 1]", list(texts), fileIndex)
}

func partitionValue(add *delta.Add, column string) *string {
	for name, value := range add.PartitionValues {
		if strings.EqualFold(name, column) {
			return value
		}
	}
	return nil
}

func hasFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
