package rowhash

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"tributary/internal/table"
)

// Layout is what is hashed of a client table, by the lake's names and types. It is not changed after NewLayout: several
// goroutines may use one.
type Layout struct {
	Hasher *Hasher
	Keys   *Keys
	Cursor *Keys // of one column; nil without a cursor
	Ranges Ranges

	keys   []int // of the hasher's columns
	cursor int
}

// NewLayout returns the layout of columns, of which keys are the ids; cursor is "" without one. Both are among the columns.
func NewLayout(columns table.Schema, keys []string, cursor string, ranges Ranges) (*Layout, error) {
	hasher, err := New(columns)
	if err != nil {
		return nil, err
	}
	l := &Layout{Hasher: hasher, Ranges: ranges, cursor: -1}
	var ids table.Schema
	for _, name := range keys {
		i := columns.Find(name)
		if i < 0 {
			return nil, fmt.Errorf("%w: id %q is not among the columns", ErrKey, name)
		}
		l.keys, ids = append(l.keys, i), append(ids, columns[i])
	}
	if l.Keys, err = NewKeys(ids); err != nil {
		return nil, err
	}
	if i := columns.Find(cursor); cursor != "" && i >= 0 {
		l.cursor = i
		l.Cursor, err = NewKeys(columns[i : i+1])
	}
	return l, err
}

// Batch is rows to be hashed: an array for each column of the layout, nil where all are NULL.
type Batch struct {
	Arrays []arrow.Array
	Rows   int
}

// Visit calls row for every row of a batch that skip does not say to leave out, with its number, key, and hash. The key
// is valid during the call. A nil skip leaves none out.
func (l *Layout) Visit(b Batch, skip func(row int) bool, row func(n int, key []byte, hash uint64) error) error {
	encoder, err := l.KeyEncoder(b)
	if err != nil {
		return err
	}
	hashes := make([]uint64, b.Rows)
	if err := l.Hasher.Rows(b.Arrays, hashes); err != nil {
		return err
	}
	key := make([]byte, 0, 64)
	for n, hash := range hashes {
		if skip != nil && skip(n) {
			continue
		}
		key = encoder.Append(key[:0], n)
		if err := row(n, key, hash); err != nil {
			return err
		}
	}
	return nil
}

// KeysOf calls row with the key of every row of a batch.
func (l *Layout) KeysOf(b Batch, row func(n int, key []byte) error) error {
	encoder, err := l.KeyEncoder(b)
	if err != nil {
		return err
	}
	key := make([]byte, 0, 64)
	for n := range b.Rows {
		key = encoder.Append(key[:0], n)
		if err := row(n, key); err != nil {
			return err
		}
	}
	return nil
}

// KeyEncoder returns the encoder of the keys of a batch.
func (l *Layout) KeyEncoder(b Batch) (*Encoder, error) { return l.encoder(l.Keys, b, l.keys) }

func (l *Layout) encoder(k *Keys, b Batch, columns []int) (*Encoder, error) {
	arrays := make([]arrow.Array, len(columns))
	for i, c := range columns {
		if arrays[i] = b.Arrays[c]; arrays[i] == nil {
			return nil, fmt.Errorf("%w: id %q has no values", ErrKey, k.columns[i].Name)
		}
	}
	return k.Encoder(arrays)
}

// Checksums are sums of rows by range, and the least and largest cursor among them.
type Checksums struct {
	Ranges    []Sum
	Low, High Key // of Layout.Cursor; "" without a cursor, or where all are NULL
}

// Total sums the ranges.
func (c *Checksums) Total() Sum {
	var total Sum
	for _, s := range c.Ranges {
		total.Merge(s)
	}
	return total
}

// Merge adds other rows.
func (c *Checksums) Merge(other Checksums) {
	for i, s := range other.Ranges {
		c.Ranges[i].Merge(s)
	}
	c.bound(other.Low)
	c.bound(other.High)
}

func (c *Checksums) bound(k Key) {
	if k == "" {
		return
	}
	if c.Low == "" || k < c.Low {
		c.Low = k
	}
	if k > c.High {
		c.High = k
	}
}

// NewChecksums are those of no rows.
func (l *Layout) NewChecksums() Checksums { return Checksums{Ranges: make([]Sum, l.Ranges.Len())} }

// Add adds the rows of a batch that skip does not say to leave out.
func (c *Checksums) Add(l *Layout, b Batch, skip func(row int) bool) error {
	var cursors *Encoder
	if l.cursor >= 0 && b.Arrays[l.cursor] != nil {
		var err error
		if cursors, err = l.encoder(l.Cursor, b, []int{l.cursor}); err != nil {
			return err
		}
	}
	in := 0
	cursor, low, high := make([]byte, 0, 32), []byte(c.Low), []byte(c.High)
	err := l.Visit(b, skip, func(n int, key []byte, hash uint64) error {
		if in > 0 && string(key) < string(l.Ranges[in-1]) || in < len(l.Ranges) && string(key) >= string(l.Ranges[in]) {
			in = l.Ranges.Of(key) // rows mostly come in the order of their keys
		}
		c.Ranges[in].Add(hash)
		if cursors == nil {
			return nil
		}
		if cursor = cursors.Append(cursor[:0], n); cursor[0] == isValue {
			if len(low) == 0 || bytes.Compare(cursor, low) < 0 {
				low = append(low[:0], cursor...)
			}
			if bytes.Compare(cursor, high) > 0 {
				high = append(high[:0], cursor...)
			}
		}
		return nil
	})
	c.Low, c.High = Key(low), Key(high)
	return err
}
