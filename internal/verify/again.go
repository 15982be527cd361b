package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// state is what a second look at the lake needs of the first, after a repair.
type state struct {
	Report  Report            `json:"report"`
	Columns table.Schema      `json:"columns"`
	Keys    []string          `json:"keys"`
	Ranges  [][]byte          `json:"ranges"`
	Source  rowhash.Checksums `json:"source"`
	Low     []byte            `json:"low"`
	High    []byte            `json:"high"`
	Except  []table.File      `json:"except,omitempty"`
}

func (v *verification) statePath() string { return filepath.Join(v.in.Dir, "state.json") }

func (v *verification) save() error {
	s := state{
		Report: *v.report, Columns: v.of.Layout.Hasher.Columns(), Keys: v.keys(), Source: v.ours,
		Low: []byte(v.ours.Low), High: []byte(v.ours.High), Except: v.of.Except,
	}
	for _, bound := range v.of.Layout.Ranges { // keys are not UTF-8
		s.Ranges = append(s.Ranges, []byte(bound))
	}
	s.Source.Low, s.Source.High = "", ""
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(v.statePath(), data, 0o600)
}

// Again compares what the source had, as Repair left it in dir, with a later version of the central table, and completes
// the report.
func Again(ctx context.Context, l lake.Lake, dir string, version int64) (Report, error) {
	var s state
	v := &verification{in: Input{Dir: dir}}
	data, err := os.ReadFile(v.statePath())
	if err != nil {
		return Report{}, fmt.Errorf("what was verified is gone: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return Report{}, fmt.Errorf("what was verified cannot be read: %w", err)
	}
	var ranges rowhash.Ranges
	for _, bound := range s.Ranges {
		ranges = append(ranges, rowhash.Key(bound))
	}
	layout, err := rowhash.NewLayout(s.Columns, s.Keys, s.Report.Cursor, ranges)
	if err != nil {
		return Report{}, err
	}
	verifier, ok := lake.As[lake.Verifier](l)
	if !ok {
		return Report{}, fmt.Errorf("%w: this kind of lake has no checksums", ErrUnable)
	}
	s.Source.Low, s.Source.High = rowhash.Key(s.Low), rowhash.Key(s.High)
	theirs, err := verifier.Checksums(ctx, lake.Fingerprint{Ref: s.Report.Ref, Version: version, Layout: layout, Except: s.Except})
	if err != nil {
		return Report{}, err
	}
	r := s.Report
	r.Repair.Version, r.Repair.Source, r.Repair.Lake = version, sideOf(layout, s.Source), sideOf(layout, theirs)
	if slices.Equal(s.Source.Ranges, theirs.Ranges) {
		r.Status = StatusRepaired
	}
	return r, nil
}
