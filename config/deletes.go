package config

import (
	"fmt"
	"strconv"

	"tributary/internal/table"
)

// deletesFile says how deleted rows are recognised, as it is written.
type deletesFile struct {
	Column    string `json:"column"`
	Reconcile bool   `json:"reconcile"`
	MaxShare  share  `json:"max_share"`
}

// defaultMaxShare is how much of a client's rows a run may delete because the source has them no more.
const defaultMaxShare = 0.5

// share is a part of a whole: more than 0, and at most 1.
type share float64

// FromScalar implements strict.Scalar.
func (s *share) FromScalar(tag, text string) error {
	number, err := strconv.ParseFloat(text, 64)
	if tag != "!!int" && tag != "!!float" || err != nil || !(number > 0 && number <= 1) { // NaN is neither
		return fmt.Errorf("is no share of the rows; write a number above 0 and up to 1, such as 0.1 for a tenth; 1 allows everything")
	}
	*s = share(number)
	return nil
}

// deletes checks how deleted rows are recognised.
func (c checker) deletes(at string, t tableFile) table.Deletes {
	if t.Deletes.Reconcile && t.Cursor == "" {
		c.Add(at+".deletes.reconcile", "has no meaning without a cursor: every run is a full reload, which deletes what the source no longer has", "remove it, or add a cursor")
	}
	d := table.Deletes{Column: t.Deletes.Column, Reconcile: t.Deletes.Reconcile, MaxShare: defaultMaxShare}
	if t.Deletes.MaxShare != 0 {
		d.MaxShare = float64(t.Deletes.MaxShare)
	}
	return d
}
