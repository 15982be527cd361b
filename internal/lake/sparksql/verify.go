package sparksql

import (
	"context"
	"errors"
	"fmt"

	"tributary/internal/lake"
	"tributary/internal/verify/rowhash"
)

var _ lake.Verifier = (*Lake)(nil)

// Checksums implements lake.Verifier in one statement.
func (l *Lake) Checksums(ctx context.Context, of lake.Fingerprint) (rowhash.Checksums, error) {
	total := of.Layout.NewChecksums()
	err := l.eachVerified(ctx, of, func(v verifySQL) string { return v.checksums() }, func(values []any) error {
		n := int(integer(values[0]))
		if n < 0 || n >= len(total.Ranges) || len(values) < 5 || of.Layout.Cursor != nil && len(values) < 7 {
			return errors.New("the checksums' result is not what was asked for")
		}
		part := of.Layout.NewChecksums()
		part.Ranges[n] = rowhash.Sum{
			Rows: integer(values[1]), Sum: uint64(integer(values[2])) + uint64(integer(values[3]))<<32, Xor: uint64(integer(values[4])),
		}
		if of.Layout.Cursor != nil && values[5] != nil {
			for i, bound := range []*rowhash.Key{&part.Low, &part.High} {
				var err error
				if *bound, err = of.Layout.Cursor.Encode([]any{natural(values[5+i])}); err != nil {
					return err
				}
			}
		}
		total.Merge(part)
		return nil
	})
	return total, err
}

// RowHashes implements lake.Verifier.
func (l *Lake) RowHashes(ctx context.Context, of lake.Fingerprint, part rowhash.Part, row func(key rowhash.Key, hash uint64) error) error {
	ids := len(of.Layout.Keys.Columns())
	return l.eachVerified(ctx, of, func(v verifySQL) string { return v.rows(part) }, func(values []any) error {
		key, err := keyOf(of.Layout, values[:ids])
		if err != nil {
			return err
		}
		return row(key, uint64(integer(values[ids])))
	})
}

// CellHashes implements lake.Verifier.
func (l *Lake) CellHashes(ctx context.Context, of lake.Fingerprint, keys []rowhash.Key, row func(key rowhash.Key, cells []uint64) error) error {
	ids := len(of.Layout.Keys.Columns())
	return l.eachVerified(ctx, of, func(v verifySQL) string { return v.cells(keys) }, func(values []any) error {
		key, err := keyOf(of.Layout, values[:ids])
		if err != nil {
			return err
		}
		cells := make([]uint64, len(values)-ids)
		for i, v := range values[ids:] {
			cells[i] = uint64(integer(v))
		}
		return row(key, cells)
	})
}

func keyOf(layout *rowhash.Layout, values []any) (rowhash.Key, error) {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = natural(v)
	}
	return layout.Keys.Encode(all)
}

// eachVerified runs a statement over the rows that a fingerprint is of.
func (l *Lake) eachVerified(ctx context.Context, of lake.Fingerprint, text func(verifySQL) string, row func(values []any) error) error {
	if err := l.each(ctx, statement{text: text(verifySQL{of})}, row); err != nil {
		return fmt.Errorf("verify %s.%s at version %d: %w", of.Ref.Schema, of.Ref.Table, of.Version, l.translate(ctx, err))
	}
	return nil
}
