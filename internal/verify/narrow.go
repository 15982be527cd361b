package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"tributary/internal/verify/rowhash"
)

// differing are the keys that differ, by kind, in order.
type differing struct{ onlySource, onlyLake, different, doubled []rowhash.Key }

// maxPartRows bounds how many rows of a side are held in memory at once.
const maxPartRows = 500_000

// enough bounds how many rows that differ are looked for: with more, a repair is refused, and every part would read the whole
// source again.
const enough = maxRepair + 1

// errEnough ends the comparison of a part.
var errEnough = errors.New("enough rows differ")

func (d differing) count() int {
	return len(d.onlySource) + len(d.onlyLake) + len(d.different) + len(d.doubled)
}

// counted is how many of them are differences.
func (v *verification) counted() int {
	if v.beside {
		return v.found.count() - len(v.found.onlySource)
	}
	return v.found.count()
}

// narrow finds the keys that differ, in the ranges whose sums do, until they are enough.
func (v *verification) narrow(ctx context.Context) error {
	for _, part := range v.parts() {
		if v.counted() >= enough {
			v.report.Differences.More = true
		}
		if v.report.Differences.More {
			break
		}
		if err := v.comparePart(ctx, part); err != nil {
			return err
		}
	}
	for _, keys := range [][]rowhash.Key{v.found.onlySource, v.found.onlyLake, v.found.different, v.found.doubled} {
		slices.Sort(keys)
	}
	d := &v.report.Differences
	d.OnlySource, d.OnlyLake = int64(len(v.found.onlySource)), int64(len(v.found.onlyLake))
	d.Different, d.Doubled = int64(len(v.found.different)), int64(len(v.found.doubled))
	if v.beside {
		d.OnlySource = 0
	}
	if d.Count()+v.report.Unversioned == 0 && v.ours.Total() != v.theirs.Total() {
		return errors.New("the sums differ and no row does: a side changed while it was read; verify it again")
	}
	if d.More {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf(
			"more than %d rows differ, and no more were looked for: the numbers of rows that differ are the least that they are; counts and checksums of both sides are of all rows", maxRepair))
	}
	return v.list(ctx)
}

// parts are the ranges that differ, as few parts as their rows allow.
func (v *verification) parts() []rowhash.Part {
	var parts []rowhash.Part
	var rows int64
	for n := range v.of.Layout.Ranges.Len() {
		ours, theirs := v.ours.Ranges[n], v.theirs.Ranges[n]
		if ours == theirs {
			continue
		}
		intervals := v.intervals(v.of.Layout.Ranges.Interval(n), max(ours.Rows, theirs.Rows))
		for _, i := range intervals {
			share := max(ours.Rows, theirs.Rows) / int64(len(intervals))
			if len(parts) == 0 || rows+share > maxPartRows {
				parts, rows = append(parts, nil), 0
			}
			parts[len(parts)-1] = append(parts[len(parts)-1], i)
			rows += share
		}
	}
	return parts
}

// intervals cuts an interval so that each has about maxPartRows at the most, at keys of the sample.
func (v *verification) intervals(whole rowhash.Interval, rows int64) []rowhash.Interval {
	if rows <= maxPartRows {
		return []rowhash.Interval{whole}
	}
	var inside []rowhash.Key
	for _, key := range v.sample {
		if (rowhash.Part{whole}).Has([]byte(key)) {
			inside = append(inside, key)
		}
	}
	cuts := rowhash.Split(inside, int(rows/maxPartRows)+1)
	all := make([]rowhash.Interval, cuts.Len())
	for n := range all {
		all[n] = cuts.Interval(n)
	}
	all[0].From, all[len(all)-1].To = whole.From, whole.To
	return all
}

// row is a source row of a part.
type row struct {
	hash uint64
	seen bool
}

func (v *verification) comparePart(ctx context.Context, part rowhash.Part) error {
	ours := map[rowhash.Key]row{}
	err := v.source.visit(ctx, part, func(_ piece, _ int, key []byte, hash uint64) error {
		ours[rowhash.Key(key)] = row{hash: hash}
		return nil
	})
	if err != nil {
		return err
	}
	theirs := map[rowhash.Key]bool{} // keys that the source lacks
	doubled := map[rowhash.Key]bool{}
	different := map[rowhash.Key]bool{}
	err = v.lake.RowHashes(ctx, v.of, part, func(key rowhash.Key, hash uint64) error {
		if v.counted()+len(theirs)+len(different)+len(doubled) >= enough {
			return errEnough
		}
		r, found := ours[key]
		switch {
		case !found:
			theirs[key] = true // doubled or not: none of them is the source's
		case r.seen:
			delete(different, key)
			doubled[key] = true
		default:
			if r.hash != hash {
				different[key] = true
			}
			r.seen = true
			ours[key] = r
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		v.report.Differences.More = true
		ours, err = nil, nil // those that the lake was not asked for are not missing
	}
	if err != nil {
		return err
	}
	v.collect(ours, theirs, different, doubled)
	return nil
}

// collect files the keys by kind; each has one.
func (v *verification) collect(ours map[rowhash.Key]row, theirs, different, doubled map[rowhash.Key]bool) {
	f := &v.found
	if v.unversioned == nil {
		v.unversioned = make([]rowhash.Sum, v.of.Layout.Ranges.Len())
	}
	for key, r := range ours {
		if r.seen {
			continue
		}
		if v.beside {
			v.report.Unversioned++
			v.unversioned[v.of.Layout.Ranges.Of([]byte(key))].Add(r.hash)
		}
		if !v.beside || len(f.onlySource) < enough {
			f.onlySource = append(f.onlySource, key)
		}
	}
	f.onlyLake = slices.AppendSeq(f.onlyLake, maps.Keys(theirs))
	f.different = slices.AppendSeq(f.different, maps.Keys(different))
	f.doubled = slices.AppendSeq(f.doubled, maps.Keys(doubled))
}

// list puts keys into the report, of each kind some.
func (v *verification) list(ctx context.Context) error {
	if v.report.Differences.Count() == 0 {
		return nil
	}
	columns, err := v.explain(ctx)
	if err != nil {
		return err
	}
	kinds := []struct {
		name string
		keys []rowhash.Key
	}{{OnlySource, v.found.onlySource[:v.report.Differences.OnlySource]}, {OnlyLake, v.found.onlyLake}, {Different, v.found.different}, {Doubled, v.found.doubled}}
	room, bytes := maxKeys, maxKeyBytes
	for n, kind := range kinds {
		share, shareBytes := room/(len(kinds)-n), bytes/(len(kinds)-n)
		for _, key := range kind.keys[:min(share, len(kind.keys))] {
			if shareBytes -= len(key); shareBytes < 0 {
				break
			}
			v.report.Differences.Keys = append(v.report.Differences.Keys,
				Difference{Key: v.of.Layout.Keys.Text(key), Kind: kind.name, Columns: columns[key]})
			room, bytes = room-1, bytes-len(key)
		}
	}
	return nil
}

// explain names the columns that differ in the first of the rows that do.
func (v *verification) explain(ctx context.Context) (map[rowhash.Key][]string, error) {
	keys := v.found.different[:min(maxExplained, len(v.found.different))]
	if len(keys) == 0 {
		return nil, nil
	}
	theirs := map[rowhash.Key][]uint64{}
	err := v.lake.CellHashes(ctx, v.of, keys, func(key rowhash.Key, cells []uint64) error {
		theirs[key] = cells
		return nil
	})
	if err != nil {
		return nil, err
	}
	names := v.of.Layout.Hasher.Columns().Names()
	columns := map[rowhash.Key][]string{}
	err = v.source.visit(ctx, everything, func(p piece, n int, key []byte, _ uint64) error {
		other, ok := theirs[rowhash.Key(key)]
		if !ok {
			return nil
		}
		cells, err := v.of.Layout.Hasher.Cells(p.Arrays, n)
		if err != nil {
			return err
		}
		for i, name := range names {
			if cells[i] != other[i] {
				columns[rowhash.Key(key)] = append(columns[rowhash.Key(key)], name)
			}
		}
		return nil
	})
	return columns, err
}
