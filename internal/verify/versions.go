package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tributary/internal/table"
)

// versionsDir is what the comparison of versions has below the run's folder, and how its staged files are told apart.
const versionsDir = "versions"

// compareVersions compares the versions that are valid now, in the table beside the one of the latest rows, with the same rows. A row
// without one is no difference: history begins with its first run, and then with rows that change. One that is valid and should not be, or
// has other values, is.
func (v *verification) compareVersions(ctx context.Context) error {
	in := v.in
	if in.Versions.Name == "" {
		v.report.Notes = append(v.report.Notes, fmt.Sprintf("there are no versions yet in %s%s: they begin with the next sync", in.Ref.Table, table.HistorySuffix))
		return nil
	}
	in.Ref.Table, in.Spec.History, in.Central = in.Versions.Name, table.HistoryOnly, in.Versions
	in.Dir, in.StageID = filepath.Join(in.Dir, versionsDir), in.StageID+"-"+versionsDir
	if err := os.MkdirAll(in.Dir, 0o700); err != nil {
		return fmt.Errorf("make a folder for the versions: %w", err)
	}
	var err error
	if v.versions, err = compare(ctx, in, true); err != nil {
		return fmt.Errorf("versions in %s: %w", in.Ref.Table, err)
	}
	r := v.versions.report
	v.report.Versions = r
	if r.Status == StatusDifferent {
		v.report.Status = StatusDifferent
	}
	r.Notes = nil // those of the latest rows are about the same
	if r.Unversioned > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d rows have no version yet, as history began after they were read; this begins them: %s", r.Unversioned, FullRun(v.in.Ref)))
	}
	if r.Differences.More {
		r.Notes = append(r.Notes, "not all versions that differ were looked for")
	}
	return nil
}
