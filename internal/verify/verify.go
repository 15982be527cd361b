package verify

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// ErrUnable is a verification that cannot be done; permanent.
var ErrUnable = errors.New("cannot be verified")

// Input is a client table at both sides. The order in which it was gathered matters: the sync log was read first, then the
// central table's version, and the source last, so that no sync has made the lake newer than the rows.
type Input struct {
	Lake    lake.Lake
	Ref     table.Ref
	Spec    table.Spec
	Plan    table.Plan // with the cursor; common source names
	Last    lake.LastRun
	Central lake.Table // as it is described: its Version is the one that is compared
	// Versions, with HistoryAlso, is the table of versions beside Central, described at the same time; without a name it is not there yet.
	Versions lake.Table
	Rows     Rows         // all rows of the source that pass the rules, transformed
	Kept     []table.File // local files with the ids of those that do not

	ReadAt   time.Time // the source's clock before the rows were read, where there is a history
	Dir      string    // of the run's own, on scratch disk
	StageID  string    // what is staged at the lake has ids that begin with it
	Progress func(rows int64)
}

// verification is one comparison under way.
type verification struct {
	in     Input
	lake   lake.Verifier
	of     lake.Fingerprint
	source *source
	report *Report
	sample []rowhash.Key // sorted

	ours, theirs rowhash.Checksums // of the source, of the lake
	found        differing
	overlap      bool          // rows of the overlap are compared, too
	overlaps     bool          // there is one
	beside       bool          // the versions beside a table of the latest rows: those of some rows may not have begun
	unversioned  []rowhash.Sum // by range, of the rows that have none yet
	versions     *verification // those, if any
}

// Compare compares both sides; with HistoryAlso, the versions that are valid now as well. The report's Run, Started and Finished are the
// caller's to set.
func Compare(ctx context.Context, in Input) (*Verification, error) {
	v, err := compare(ctx, in, false)
	if err != nil {
		return nil, err
	}
	if in.Spec.History == table.HistoryAlso {
		if err := v.compareVersions(ctx); err != nil {
			return nil, err
		}
	}
	return &Verification{v}, nil
}

// compare compares all that is below the watermark. The overlap guards against rows that are committed late; mostly there are none, and what is
// equal with the overlap's rows is proven for them too, which may be all of a small table's. Else they are in flight.
func compare(ctx context.Context, in Input, beside bool) (*verification, error) {
	v, err := sums(ctx, in, beside, true)
	if err == nil && v.ours.Total() != v.theirs.Total() && v.overlaps {
		v, err = sums(ctx, in, beside, false)
	}
	if err != nil {
		return nil, err
	}
	r := v.report
	r.Source, r.Lake = sideOf(v.of.Layout, v.ours), sideOf(v.of.Layout, v.theirs)
	r.Ranges = rangesOf(v.of.Layout, v.ours, v.theirs)
	if err := v.narrow(ctx); err != nil {
		return nil, err
	}
	r.Status = StatusEqual
	if r.Differences.Count() > 0 {
		r.Status = StatusDifferent
	}
	if r.InFlight > 0 && r.Source.Rows+r.Lake.Rows == 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("no row was compared: all %d have changed since the last sync, or within its overlap; run the sync, and verify again later", r.InFlight))
	}
	return v, nil
}

// sums has the checksums of both sides.
func sums(ctx context.Context, in Input, beside, overlap bool) (*verification, error) {
	v, err := newVerification(in)
	if err != nil {
		return nil, err
	}
	v.beside, v.overlap = beside, overlap
	if err := v.prepare(ctx); err != nil {
		return nil, advise(err)
	}
	both, ctx := errgroup.WithContext(ctx) // each waits for its disk, or its server, now and then
	both.Go(func() (err error) {
		v.ours, err = v.source.checksums(ctx, in.Progress)
		return advise(err)
	})
	both.Go(func() (err error) {
		v.theirs, err = v.lake.Checksums(ctx, v.of)
		return err
	})
	return v, both.Wait()
}

// advise says what to do about a column whose type at the source is wider than the lake's.
func advise(err error) error {
	if errors.Is(err, rowhash.ErrType) {
		return fmt.Errorf("%w: the source has another type than the lake; run the sync first, which widens the lake's or says why not", err)
	}
	return err
}

// Verification is a finished comparison.
type Verification struct{ v *verification }

// Report is what it found.
func (v *Verification) Report() Report { return *v.v.report }

// Different says whether the sides differ.
func (v *Verification) Different() bool { return v.v.report.Status == StatusDifferent }

func newVerification(in Input) (*verification, error) {
	verifier, ok := lake.As[lake.Verifier](in.Lake)
	if !ok {
		return nil, fmt.Errorf("%w: this kind of lake has no checksums", ErrUnable)
	}
	v := &verification{in: in, lake: verifier, report: &Report{
		Ref: in.Ref, LastSync: in.Last.LastSync, Version: in.Central.Version,
	}}
	v.of = lake.Fingerprint{Ref: in.Ref, Version: in.Central.Version, Current: current(in.Spec)}
	layout, err := v.layout()
	if err != nil {
		return nil, err
	}
	v.of.Layout = layout
	v.source, err = newSource(in, layout)
	return v, err
}

// current is the column that tells versions that are valid from others; "" where the table has the latest rows.
func current(spec table.Spec) string {
	if spec.History == table.HistoryOnly {
		return table.IsCurrent
	}
	return ""
}

// layout is the columns that are compared: those of the lake, but for what is the same in all rows of the client. Where the
// source has none of that name, the lake's must be NULL.
func (v *verification) layout() (*rowhash.Layout, error) {
	var columns table.Schema
	for _, c := range v.in.Central.Columns {
		ours := v.in.Rows.Schema.Find(c.Name) >= 0
		switch {
		case v.constant(c.Name):
		case !ours && !known(c.Type):
			v.report.Uncompared = append(v.report.Uncompared, c.Name)
		default:
			columns = append(columns, table.Column{Name: c.Name, Type: c.Type})
		}
	}
	for _, c := range v.in.Rows.Schema {
		if v.in.Central.Columns.Find(c.Name) < 0 && !v.constant(c.Name) {
			v.report.Uncompared = append(v.report.Uncompared, c.Name)
		}
	}
	cursor := ""
	if v.in.Plan.Cursor != "" {
		cursor = v.in.Spec.CentralName(v.in.Plan.Cursor)
	}
	keys := v.keys()
	layout, err := rowhash.NewLayout(columns, keys, cursor, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnable, err)
	}
	v.report.Columns, v.report.Keys, v.report.Cursor = columns.Names(), keys, cursor
	return layout, nil
}

// keys are the central ids, as a batch has them, without client_id and region.
func (v *verification) keys() []string {
	var keys []string
	for _, id := range v.in.Plan.IDs {
		if name := v.in.Spec.CentralName(id); !v.constant(name) {
			keys = append(keys, name)
		}
	}
	return keys
}

// constant says whether a column is not the source's: the client's own, or those of versions.
func (v *verification) constant(name string) bool {
	same := func(other string) bool { return strings.EqualFold(name, other) }
	return same(table.ClientColumn) || same(table.RegionColumn) ||
		v.in.Spec.History == table.HistoryOnly && slices.ContainsFunc(table.Versions().Names(), same)
}

func known(t table.Type) bool {
	_, err := rowhash.New(table.Schema{{Type: t}})
	return err == nil
}

// prepare works out what is in flight, makes the ranges, and stages the keys that are left out.
func (v *verification) prepare(ctx context.Context) error {
	if err := v.settle(ctx); err != nil {
		return err
	}
	if len(v.in.Kept) > 0 {
		if err := v.source.readKeys(ctx, v.in.Kept); err != nil {
			return err
		}
	}
	name := "left"
	if v.overlap {
		name = "left-of-all"
	}
	left, err := createKeys(filepath.Join(v.in.Dir, name+".parquet"), v.of.Layout.Keys, nil, nil)
	if err != nil {
		return err
	}
	for key := range v.source.quarantined {
		if err := left.add(key); err != nil {
			return err
		}
	}
	looked, err := v.source.look(ctx, left.add)
	if err != nil {
		return err
	}
	file, err := left.close()
	if err != nil {
		return err
	}
	v.report.InFlight, v.report.SoftDeleted, v.report.Quarantined = looked.inFlight, looked.softDelete, int64(len(v.source.quarantined))+looked.foreign
	slices.Sort(looked.sample)
	v.sample = looked.sample
	v.of.Layout.Ranges = rowhash.Split(v.sample, rangesFor(v.in.Rows.Count))
	if file.Rows == 0 {
		return nil
	}
	v.of.Except, err = v.in.Lake.Stage(ctx, v.in.StageID+"-"+name, []table.File{file})
	return err
}

// Ranges: of about so many rows each, and so many at the most. A statement on Spark compares a key with the bounds of all.
const (
	rangeRows = 20_000
	maxRanges = 64
)

func rangesFor(rows int64) int { return int(min(maxRanges, max(1, rows/rangeRows))) }
