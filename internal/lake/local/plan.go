package local

import (
	"context"
	"maps"
	"slices"

	"tributary/internal/delta"
)

// routeKey is where a row of put comes from and belongs: the file that it replaces a row of (-1 when it is
// new), and its partition.
type routeKey struct{ file, partition int }

// plan decides the outputs, and which of them the rows of put go to.
func (m *merge) plan(ctx context.Context, partitions []partition) ([]output, map[routeKey]int, error) {
	outputs, byFile, err := m.planFiles(ctx)
	if err != nil {
		return nil, nil, err
	}
	routes, fresh := map[routeKey]int{}, map[int]int64{} // the rows of each partition that replace no row of a rewritten file
	var others []routeKey
	err = m.each(ctx, "SELECT coalesce(f, -1), p, count(*) FROM located GROUP BY ALL ORDER BY ALL", func(v []any) error {
		key, rows := routeKey{int(integer(v[0])), int(integer(v[1]))}, integer(v[2])
		if o, ok := byFile[key.file]; ok && samePartition(partitions[key.partition].values, outputs[o].values) {
			outputs[o].rows += rows
			routes[key] = o
			return nil
		}
		fresh[key.partition] += rows
		others = append(others, key)
		return nil
	})
	byPartition := map[int]int{}
	for _, key := range others {
		o, ok := byPartition[key.partition]
		if !ok {
			outputs, o = m.outputForNew(outputs, partitions[key.partition].values, fresh[key.partition])
			outputs[o].rows += fresh[key.partition]
			byPartition[key.partition] = o
		}
		routes[key] = o
	}
	return outputs, routes, err
}

// planFiles decides of each file that loses rows whether it gets a deletion vector or an output that replaces it.
func (m *merge) planFiles(ctx context.Context) (outputs []output, byFile map[int]int, err error) {
	byFile = map[int]int{}
	err = m.each(ctx, "SELECT f, count(DISTINCT n) FROM changed GROUP BY f ORDER BY f", func(v []any) error {
		file, gone := int(integer(v[0])), integer(v[1])
		if m.maskable(file, gone) {
			m.masked = append(m.masked, file)
			return nil
		}
		byFile[file] = len(outputs)
		outputs = append(outputs, m.replacement(file, gone))
		return nil
	})
	return outputs, byFile, err
}

// replacement is the output for a file that loses rows. That none stays is believed of files that Tributary wrote: another writer's count may be wrong.
func (m *merge) replacement(file int, gone int64) output {
	add := m.files.adds[file]
	rows := int64(smallRows + 1) // unknown: written by itself
	if records, known := add.Records(); known && (records > gone || isOwn(add)) {
		rows = max(records-gone, 0)
	}
	return output{values: add.PartitionValues, from: file, rows: rows}
}

// outputForNew chooses where the new rows of a partition go: with the smallest rewritten file, with a small file that
// would stay as it is, or to a file of their own.
func (m *merge) outputForNew(outputs []output, values map[string]*string, rows int64) ([]output, int) {
	best := -1
	for o, out := range outputs {
		if out.from >= 0 && rows <= tailNewRows && samePartition(values, out.values) && m.files.adds[out.from].Size <= tailTouched &&
			(best < 0 || m.files.adds[out.from].Size < m.files.adds[outputs[best].from].Size) {
			best = o
		}
	}
	if best >= 0 {
		return outputs, best
	}
	out := output{values: values, from: -1}
	if file := m.smallFile(values); file >= 0 && rows <= tailNewRows {
		out = m.replacement(file, 0)
	}
	return append(outputs, out), len(outputs)
}

// smallFile finds a small file of the partition, and adds it to the merge's files; -1 when there is none.
func (m *merge) smallFile(values map[string]*string) int {
	if m.snapshot == nil {
		return -1
	}
	var best *delta.Add
	for _, add := range m.snapshot.Files() {
		if add.Size <= tailUntouched && !m.isMasked(add) && samePartition(values, add.PartitionValues) && (best == nil || add.Size < best.Size) {
			best = add
		}
	}
	if best == nil {
		return -1
	}
	if i := slices.Index(m.files.adds, best); i >= 0 {
		return i
	}
	m.files.adds = append(m.files.adds, best)
	return len(m.files.adds) - 1
}

func samePartition(a, b map[string]*string) bool {
	return maps.EqualFunc(a, b, func(x, y *string) bool { return x == y || x != nil && y != nil && *x == *y })
}
