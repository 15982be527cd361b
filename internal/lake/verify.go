package lake

import (
	"context"

	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// Verifier is a lake that says in checksums which rows it has. Group keeps it within reach: see As.
type Verifier interface {
	// Checksums sums the rows by range of their keys.
	Checksums(ctx context.Context, of Fingerprint) (rowhash.Checksums, error)

	// RowHashes calls row with the key and hash of every row of a part, in no order; not by two goroutines at once.
	RowHashes(ctx context.Context, of Fingerprint, part rowhash.Part, row func(key rowhash.Key, hash uint64) error) error

	// CellHashes calls row with the hash of every column of the rows that have one of the keys, in the order of the
	// columns.
	CellHashes(ctx context.Context, of Fingerprint, keys []rowhash.Key, row func(key rowhash.Key, cells []uint64) error) error
}

// Fingerprint says which rows of a central table to hash, and how: those of one client in one version.
type Fingerprint struct {
	Ref     table.Ref
	Version int64
	Layout  *rowhash.Layout // of columns that the version has, with its types
	// Current is a boolean column that is true in the rows to hash, where the table keeps earlier versions of rows; or "".
	Current string
	// Except are staged Parquet files with the keys of rows to leave out.
	Except []table.File
}
