package delta

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

const logFolder = "_delta_log"

func (t *Table) logDir() string { return filepath.Join(t.dir, logFolder) }

func (t *Table) commitPath(version int64) string {
	return filepath.Join(t.logDir(), fmt.Sprintf("%020d.json", version))
}

func (t *Table) checkpointPath(version int64) string {
	return filepath.Join(t.logDir(), fmt.Sprintf("%020d.checkpoint.parquet", version))
}

var (
	commitName     = regexp.MustCompile(`^(\d{20})\.json$`)
	checkpointName = regexp.MustCompile(`^(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet$`)
	v2Name         = regexp.MustCompile(`^(\d{20})\.checkpoint\.[0-9a-fA-F-]{36}\.(?:json|parquet)$`)
)

// checkpoint is a complete checkpoint: one file, or all parts of several.
type checkpoint struct {
	version int64
	files   []string // absolute paths
	v2      bool
}

// listing is what a table's log folder holds.
type listing struct {
	commits     []int64      // ascending
	checkpoints []checkpoint // complete ones, ascending; the same version may occur in several forms
}

// list reads the log folder; ErrNotFound when there is no log.
func (t *Table) list() (*listing, error) {
	entries, err := os.ReadDir(t.logDir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no Delta table in %s", ErrNotFound, t.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	l := &listing{}
	parts := map[[2]int64][]string{} // by version and number of parts
	for _, entry := range entries {
		l.addName(t.logDir(), entry.Name(), parts)
	}
	for key, files := range parts {
		if int64(len(files)) == key[1] {
			slices.Sort(files)
			l.checkpoints = append(l.checkpoints, checkpoint{version: key[0], files: files})
		}
	}
	slices.Sort(l.commits)
	slices.SortFunc(l.checkpoints, func(a, b checkpoint) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(len(b.files), len(a.files)))
	})
	if len(l.commits) == 0 && len(l.checkpoints) == 0 {
		return nil, fmt.Errorf("%w: no Delta table in %s: its log is empty", ErrNotFound, t.dir)
	}
	return l, nil
}

func (l *listing) addName(dir, name string, parts map[[2]int64][]string) {
	if m := commitName.FindStringSubmatch(name); m != nil {
		l.commits = append(l.commits, parseInt(m[1]))
	} else if m := checkpointName.FindStringSubmatch(name); m != nil {
		key := [2]int64{parseInt(m[1]), 1}
		if m[3] != "" {
			key[1] = parseInt(m[3])
		}
		if m[3] == "" {
			l.checkpoints = append(l.checkpoints, checkpoint{version: key[0], files: []string{filepath.Join(dir, name)}})
			return
		}
		parts[key] = append(parts[key], filepath.Join(dir, name))
	} else if m := v2Name.FindStringSubmatch(name); m != nil {
		l.checkpoints = append(l.checkpoints, checkpoint{version: parseInt(m[1]), files: []string{filepath.Join(dir, name)}, v2: true})
	}
}

// parseInt reads digits that a pattern has checked; 20 digits that do not fit are the largest version there can be.
func parseInt(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 1<<63 - 1
	}
	return n
}

func (l *listing) hasCommit(version int64) bool {
	_, ok := slices.BinarySearch(l.commits, version)
	return ok
}

// latest returns the newest version that the log knows of.
func (l *listing) latest() int64 {
	latest := int64(-1)
	if n := len(l.commits); n > 0 {
		latest = l.commits[n-1]
	}
	if n := len(l.checkpoints); n > 0 {
		latest = max(latest, l.checkpoints[n-1].version)
	}
	return latest
}

// gap returns the first version in [from, to] whose commit file is missing.
func (l *listing) gap(from, to int64) (int64, bool) {
	for v := from; v <= to; v++ {
		if !l.hasCommit(v) {
			return v, true
		}
	}
	return 0, false
}

// earliest returns the oldest version that the log can rebuild up to version last.
func (l *listing) earliest(last int64) int64 {
	v := last
	for v > 0 && l.hasCommit(v) {
		v--
	}
	if v == 0 && l.hasCommit(0) {
		return 0
	}
	for _, c := range l.checkpoints {
		if c.version >= v {
			return c.version
		}
	}
	return last + 1
}
