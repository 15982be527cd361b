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
	Current string            `json:"current,omitempty"`
}

func (v *verification) statePath() string { return filepath.Join(v.in.Dir, "state.json") }

func (v *verification) save() error {
	s := state{
		Report: *v.report, Columns: v.of.Layout.Hasher.Columns(), Keys: v.keys(), Source: v.ours,
		Low: []byte(v.ours.Low), High: []byte(v.ours.High), Except: v.of.Except, Current: v.of.Current,
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

// Merged are the versions that the central tables have after a repair; 0 of one into which nothing was merged.
type Merged struct {
	Latest   int64 `json:"version"`
	Versions int64 `json:"versions,omitempty"` // of the table of versions beside it
}

// Again compares what the source had, as Repair left it in dir, with what the central table has after the repair, and completes
// the report.
func Again(ctx context.Context, l lake.Lake, dir string, merged Merged) (Report, error) {
	r, equal, err := again(ctx, l, dir, merged.Latest)
	if err != nil {
		return Report{}, err
	}
	if r.Versions != nil {
		versions, same, err := again(ctx, l, filepath.Join(dir, versionsDir), merged.Versions)
		if err != nil {
			return Report{}, err
		}
		r.Versions, equal = &versions, equal && same
	}
	if equal {
		r.Status = StatusRepaired
	}
	return r, nil
}

// again says whether both sides are equal now.
func again(ctx context.Context, l lake.Lake, dir string, version int64) (Report, bool, error) {
	var s state
	v := &verification{in: Input{Dir: dir}}
	data, err := os.ReadFile(v.statePath())
	if err != nil {
		return Report{}, false, fmt.Errorf("what was verified is gone: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return Report{}, false, fmt.Errorf("what was verified cannot be read: %w", err)
	}
	r := s.Report
	if version == 0 || r.Repair.Refused != "" {
		r.Repair.Version, r.Repair.Source, r.Repair.Lake = r.Version, r.Source, r.Lake
		return r, r.Differences.Count() == 0, nil
	}
	var ranges rowhash.Ranges
	for _, bound := range s.Ranges {
		ranges = append(ranges, rowhash.Key(bound))
	}
	layout, err := rowhash.NewLayout(s.Columns, s.Keys, r.Cursor, ranges)
	if err != nil {
		return Report{}, false, err
	}
	verifier, ok := lake.As[lake.Verifier](l)
	if !ok {
		return Report{}, false, fmt.Errorf("%w: this kind of lake has no checksums", ErrUnable)
	}
	s.Source.Low, s.Source.High = rowhash.Key(s.Low), rowhash.Key(s.High)
	theirs, err := verifier.Checksums(ctx, lake.Fingerprint{Ref: r.Ref, Version: version, Layout: layout, Current: s.Current, Except: s.Except})
	if err != nil {
		return Report{}, false, err
	}
	r.Repair.Version, r.Repair.Source, r.Repair.Lake = version, sideOf(layout, s.Source), sideOf(layout, theirs)
	equal := slices.Equal(s.Source.Ranges, theirs.Ranges)
	if equal && r.Status == StatusDifferent {
		r.Status = StatusRepaired
	}
	return r, equal, nil
}
