package rowhash

import (
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"tributary/internal/table"
)

// ErrType is a column that cannot be hashed as the type that it is to have: its values are not exact in it.
var ErrType = errors.New("type is not exact")

// Seed is what a row's hash begins with, as in Spark's xxhash64.
const Seed = 42

// maskColumns is how many columns share a mask: a long without its sign and the bit below.
const maskColumns = 62

// Hasher hashes rows of columns of those types. It holds no state between calls: several goroutines may use one.
type Hasher struct {
	columns table.Schema
	kinds   []kind
}

// New returns the hasher of columns with the types that the lake has. The order of the columns counts.
func New(columns table.Schema) (*Hasher, error) {
	h := &Hasher{columns: columns}
	for _, c := range columns {
		k, err := kindOf(c.Type)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", c.Name, err)
		}
		h.kinds = append(h.kinds, k)
	}
	return h, nil
}

// Columns are what it hashes.
func (h *Hasher) Columns() table.Schema { return h.columns }

// Rows sets out[i] to the hash of row i. arrays are in the order of the columns, nil where all are NULL, with a type
// whose every value is exact in the column's: others are ErrType. out has the rows' number.
func (h *Hasher) Rows(arrays []arrow.Array, out []uint64) error {
	for i := range out {
		out[i] = Seed
	}
	for from := 0; from < len(arrays); from += maskColumns {
		addMask(arrays[from:min(from+maskColumns, len(arrays))], out)
	}
	for i, a := range arrays {
		if a == nil {
			continue
		}
		if err := h.kinds[i].add(a, out); err != nil {
			return fmt.Errorf("column %q: %w", h.columns[i].Name, err)
		}
	}
	return nil
}

// Cells returns the hash of each column of a row by itself: Seed where it is NULL.
func (h *Hasher) Cells(arrays []arrow.Array, row int) ([]uint64, error) {
	cells := make([]uint64, len(arrays))
	for i, a := range arrays {
		cells[i] = Seed
		if a == nil {
			continue
		}
		one := sliced(a, row)
		err := h.kinds[i].add(one, cells[i:i+1])
		one.Release()
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", h.columns[i].Name, err)
		}
	}
	return cells, nil
}

// addMask chains the mask of up to maskColumns columns.
func addMask(arrays []arrow.Array, out []uint64) {
	var always uint64
	var masks []uint64
	for n, a := range arrays {
		if a == nil {
			always |= 1 << n
			continue
		}
		valid := validity(a)
		if valid.all() {
			continue
		}
		if masks == nil {
			masks = make([]uint64, len(out))
		}
		for i := range masks {
			if !valid.has(i) {
				masks[i] |= 1 << n
			}
		}
	}
	for i := range out {
		mask := always
		if masks != nil {
			mask |= masks[i]
		}
		out[i] = hash8(mask, out[i])
	}
}

// SQL is a row's hash in Spark's SQL; quote quotes an identifier.
func (h *Hasher) SQL(quote func(string) string) string {
	var terms []string
	for from := 0; from < len(h.columns); from += maskColumns {
		var bits []string
		for n, c := range h.columns[from:min(from+maskColumns, len(h.columns))] {
			bits = append(bits, fmt.Sprintf("IF(%s IS NULL, %dL, 0L)", quote(c.Name), uint64(1)<<n))
		}
		terms = append(terms, strings.Join(bits, " + "))
	}
	for _, c := range h.columns {
		terms = append(terms, quote(c.Name))
	}
	return "xxhash64(" + strings.Join(terms, ", ") + ")"
}

// CellsSQL is the hash of each column by itself in Spark's SQL.
func (h *Hasher) CellsSQL(quote func(string) string) []string {
	cells := make([]string, len(h.columns))
	for i, c := range h.columns {
		cells[i] = "xxhash64(" + quote(c.Name) + ")"
	}
	return cells
}
