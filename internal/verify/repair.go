package verify

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// maxRepair bounds how many rows a repair brings again; beyond, a full run is the better way.
const maxRepair = 100_000

// deletedColumn marks the rows of a repair that are to be deleted. No central table gets it.
const deletedColumn = "tributary_deleted"

// Repair stages the batches that make the lake equal, to be merged one after the other: one that deletes the rows that
// the source lacks, and those of doubled keys, and one that brings the rows that the lake lacks or has otherwise. They have no
// cursor, so that they win over what the lake has, newer or not. A repair has the workflow id of the client table's sync, so that
// no sync merges it meanwhile; a backfill has another and can. Rows that it merges between the reading of the source and the
// repair may become those of the reading again, until a sync or a verification brings them. A repair that is refused has no
// batches, and the report says why.
//
// Versions are mended by more of them: one that should not be valid ends, and a row that has none, or one with other values, begins one,
// when the source was read. Those that have none are left where they are more than a repair takes. What was recorded until then stays, as it may have
// been reported.
func (v *Verification) Repair(ctx context.Context) ([]table.Batch, error) {
	batches, err := v.v.repair(ctx)
	if err != nil || v.v.report.Repair.Refused != "" {
		return nil, err
	}
	if versions := v.v.versions; versions != nil {
		more, err := versions.repair(ctx)
		if err != nil {
			return nil, fmt.Errorf("versions in %s: %w", versions.in.Ref.Table, err)
		}
		batches = append(batches, more...)
		if r := versions.report.Repair; r.Refused != "" {
			v.v.report.Repair.Note = fmt.Sprintf("the versions in %s were not mended: %s", versions.in.Ref.Table, r.Refused)
		}
		if err := versions.save(); err != nil {
			return nil, err
		}
	}
	return batches, v.v.save()
}

func (v *verification) repair(ctx context.Context) ([]table.Batch, error) {
	r, f := v.report, v.found
	r.Repair = &Repair{}
	if r.Repair.Refused = v.refusal(); r.Repair.Refused != "" {
		return nil, nil
	}
	var batches []table.Batch
	if gone := slices.Concat(f.onlyLake, f.doubled); len(gone) > 0 {
		b, err := v.deletes(ctx, gone)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	if v.beside && f.count() > maxRepair {
		f.onlySource = nil
		v.leaveUnversioned()
	}
	if brought := slices.Concat(f.onlySource, f.different, f.doubled); len(brought) > 0 {
		b, err := v.upserts(ctx, brought)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
		r.Repair.Upserted = int64(len(brought))
	}
	r.Repair.Deleted = int64(len(f.onlyLake))
	return batches, nil
}

// refusal says why a repair must not be done; "" when it may.
func (v *verification) refusal() string {
	again := "bring all rows again with: " + FullRun(v.in.Ref)
	n := v.counted()
	share := v.in.Spec.Deletes.MaxShare
	rows := max(v.report.Lake.Rows, 1)
	switch {
	case v.report.Differences.More:
		return fmt.Sprintf("at least %d rows differ, and a repair takes at most %d; %s", n, maxRepair, again)
	case n > maxRepair:
		return fmt.Sprintf("%d rows differ, and a repair takes at most %d; %s", n, maxRepair, again)
	case share > 0 && share < 1 && float64(len(v.found.onlyLake)) > share*float64(rows):
		return fmt.Sprintf("it would delete %d of the client's %d rows, more than deletes.max_share allows (%g); raise it if they are to go",
			len(v.found.onlyLake), rows, share)
	}
	return ""
}

// leaveUnversioned takes the rows that have no version yet out of what the lake is to have after a repair: they are no difference, and more than
// a repair takes.
func (v *verification) leaveUnversioned() {
	for n, left := range v.unversioned {
		s := &v.ours.Ranges[n]
		s.Rows, s.Sum, s.Xor = s.Rows-left.Rows, s.Sum-left.Sum, s.Xor^left.Xor
	}
	v.ours.Low, v.ours.High = "", "" // may be of those
}

// FullRun is the command that brings all rows of a client table again.
func FullRun(ref table.Ref) string {
	return fmt.Sprintf("tributary run %s --client %s --table %s --full", ref.Sync, ref.Client, ref.Table)
}

func (v *verification) batch(name string, schema table.Schema, file table.File) table.Batch {
	b := table.Batch{
		ID: v.in.StageID + "-" + name, Ref: v.in.Ref, Schema: schema, Keys: v.keys(), Drift: table.DriftIgnore,
		PartitionBy: v.in.Spec.PartitionBy, ClusterBy: v.in.Spec.ClusterBy, Rows: file.Rows,
	}
	if v.of.Current != "" {
		b.History, b.ReadAt = table.HistoryOnly, v.in.ReadAt
	}
	return b
}

func (v *verification) stage(ctx context.Context, b table.Batch, file table.File) (table.Batch, error) {
	var err error
	b.Files, err = v.in.Lake.Stage(ctx, b.ID, []table.File{file})
	return b, err
}

// tenantFields are the columns that say whose the rows are.
var tenantFields = []arrow.Field{{Name: table.ClientColumn, Type: arrow.BinaryTypes.String}, {Name: table.RegionColumn, Type: arrow.BinaryTypes.String}}

func (v *verification) deletes(ctx context.Context, keys []rowhash.Key) (table.Batch, error) {
	columns := v.of.Layout.Keys.Columns()
	n := len(columns)
	more := append(slices.Clone(tenantFields), arrow.Field{Name: deletedColumn, Type: arrow.FixedWidthTypes.Boolean})
	file, err := createKeys(filepath.Join(v.in.Dir, "deletes.parquet"), v.of.Layout.Keys, more, func(b *array.RecordBuilder) {
		b.Field(n).(*array.StringBuilder).Append(v.in.Ref.Client)
		b.Field(n + 1).(*array.StringBuilder).Append(v.in.Ref.Region)
		b.Field(n + 2).(*array.BooleanBuilder).Append(true)
	})
	if err != nil {
		return table.Batch{}, err
	}
	for _, key := range keys {
		if err := file.add(key); err != nil {
			return table.Batch{}, err
		}
	}
	staged, err := file.close()
	if err != nil {
		return table.Batch{}, err
	}
	schema := append(slices.Clone(columns), table.Column{Name: table.ClientColumn, Type: table.String},
		table.Column{Name: table.RegionColumn, Type: table.String}, table.Column{Name: deletedColumn, Type: table.Boolean})
	b := v.batch("deletes", schema, staged)
	b.Deleted = deletedColumn
	return v.stage(ctx, b, staged)
}

// upserts brings the source's rows of some keys, as the sync would.
func (v *verification) upserts(ctx context.Context, keys []rowhash.Key) (table.Batch, error) {
	wanted := make(map[rowhash.Key]bool, len(keys))
	for _, key := range keys {
		wanted[key] = true
	}
	schema, fields, err := v.centralFields()
	if err != nil {
		return table.Batch{}, err
	}
	arrows := arrow.NewSchema(fields, nil)
	file, err := createParquet(filepath.Join(v.in.Dir, "upserts.parquet"), arrows)
	if err != nil {
		return table.Batch{}, err
	}
	var picked *picker
	err = v.source.visit(ctx, everything, func(p piece, n int, key []byte, _ uint64) error {
		if !wanted[rowhash.Key(key)] {
			return nil
		}
		if picked == nil || picked.record != p.record {
			if err := picked.write(v, arrows, file); err != nil {
				return err
			}
			p.record.Retain()
			picked = &picker{record: p.record}
		}
		picked.rows = append(picked.rows, n)
		return nil
	})
	if err == nil {
		err = picked.write(v, arrows, file)
	}
	if err != nil {
		return table.Batch{}, err
	}
	staged, err := file.close()
	if err != nil {
		return table.Batch{}, err
	}
	if staged.Rows != int64(len(keys)) {
		return table.Batch{}, fmt.Errorf("%d rows were to be repaired, and %d are there", len(keys), staged.Rows)
	}
	b := v.batch("upserts", schema, staged)
	if b.History != "" { // later than the deletes, so that a row that was doubled is back
		b.ReadAt = b.ReadAt.Add(time.Microsecond)
	}
	return v.stage(ctx, b, staged)
}

// centralFields are the columns of the rows, with those that say whose they are.
func (v *verification) centralFields() (table.Schema, []arrow.Field, error) {
	schema := slices.Clone(v.in.Rows.Schema)
	for _, f := range tenantFields {
		if schema.Find(f.Name) < 0 {
			schema = append(schema, table.Column{Name: f.Name, Type: table.String})
		}
	}
	fields := make([]arrow.Field, len(schema))
	for i, c := range schema {
		t, err := arrowType(c.Type)
		if err != nil {
			return nil, nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		fields[i] = arrow.Field{Name: c.Name, Type: t, Nullable: true}
	}
	return schema, fields, nil
}

// picker is the rows of one batch that are wanted.
type picker struct {
	record arrow.RecordBatch
	rows   []int
}

func (p *picker) write(v *verification, schema *arrow.Schema, file *parquetFile) error {
	if p == nil {
		return nil
	}
	defer p.record.Release()
	columns := make([]arrow.Array, schema.NumFields())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i, field := range schema.Fields() {
		var err error
		switch {
		case strings.EqualFold(field.Name, table.ClientColumn):
			columns[i] = constant(v.in.Ref.Client, len(p.rows))
		case strings.EqualFold(field.Name, table.RegionColumn):
			columns[i] = constant(v.in.Ref.Region, len(p.rows))
		default:
			columns[i], err = pick(p.record.Column(i), p.rows)
		}
		if err != nil {
			return fmt.Errorf("column %q: %w", field.Name, err)
		}
	}
	batch := array.NewRecordBatch(schema, columns, int64(len(p.rows)))
	defer batch.Release()
	return file.write(batch)
}

func constant(text string, rows int) arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for range rows {
		b.Append(text)
	}
	return b.NewArray()
}

func pick(a arrow.Array, rows []int) (arrow.Array, error) {
	slices := make([]arrow.Array, len(rows))
	for i, row := range rows {
		slices[i] = array.NewSlice(a, int64(row), int64(row)+1)
	}
	defer func() {
		for _, s := range slices {
			s.Release()
		}
	}()
	return array.Concatenate(slices, memory.DefaultAllocator)
}
