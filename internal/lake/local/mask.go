package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"tributary/internal/delta"
)

// masking is which files that lose rows get deletion vectors, in tables that have them, instead of being written anew.
type masking struct {
	above int64   // bytes: the rows of smaller files go together with new ones, so that files stay few
	share float64 // of deleted rows, up to which: readers would read more and more rows that are not there
}

var defaultMasking = masking{above: tailUntouched, share: 0.25}

// maskable says whether a file that loses rows gets a deletion vector.
func (m *merge) maskable(file int, gone int64) bool {
	if m.snapshot == nil || !m.snapshot.DeletionVectors() {
		return false
	}
	add := m.files.adds[file]
	live, known := add.Records()
	if !known || add.Size <= m.masking.above || gone >= live {
		return false
	}
	all := live
	if add.DeletionVector != nil {
		all += add.DeletionVector.Cardinality
	}
	return float64(all-live+gone) <= m.masking.share*float64(all)
}

// isMasked says whether a file has a deletion vector, or gets one: it is no file to put new rows to.
func (m *merge) isMasked(add *delta.Add) bool {
	return add.DeletionVector != nil || slices.ContainsFunc(m.masked, func(file int) bool { return m.files.adds[file] == add })
}

// mask takes the rows of changed out of the files in m.masked, by deletion vectors.
func (m *merge) mask(ctx context.Context) error {
	if len(m.masked) == 0 {
		return nil
	}
	gone, err := m.goneRows(ctx)
	if err != nil {
		return err
	}
	sets := make([]*roaring64.Bitmap, len(m.masked))
	for i, file := range m.masked {
		if sets[i], err = m.union(m.files.adds[file], gone[file]); err != nil {
			return err
		}
	}
	written, path, err := m.table.WriteDeletionVectors(sets)
	if err != nil {
		return err
	}
	if path != "" {
		m.made = append(m.made, path)
	}
	for i, file := range m.masked {
		add, err := m.files.adds[file].WithDeletionVector(written[i])
		if err != nil {
			return err
		}
		m.tx.Removes, m.tx.Adds = append(m.tx.Removes, m.files.adds[file]), append(m.tx.Adds, add)
	}
	return nil
}

// goneRows returns the rows of changed, of the files in m.masked.
func (m *merge) goneRows(ctx context.Context) (map[int]*roaring64.Bitmap, error) {
	gone := map[int]*roaring64.Bitmap{}
	for _, file := range m.masked {
		gone[file] = roaring64.New()
	}
	files := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(m.masked)), ", "), "[]")
	err := m.each(ctx, "SELECT f, n FROM changed WHERE f IN ("+files+")", func(v []any) error {
		gone[int(integer(v[0]))].Add(uint64(integer(v[1])))
		return nil
	})
	return gone, err
}

// union adds the rows that a file has lost before. None of them can be lost again: that would hide that two files were mixed up.
func (m *merge) union(add *delta.Add, gone *roaring64.Bitmap) (*roaring64.Bitmap, error) {
	before, err := m.table.DeletedRows(add)
	if err != nil || before == nil {
		return gone, err
	}
	if before.Intersects(gone) {
		return nil, fmt.Errorf("%w: rows of %s are deleted a second time", delta.ErrCorrupt, add.Path)
	}
	before.Or(gone)
	return before, nil
}
