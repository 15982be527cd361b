package delta

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"tributary/internal/table"
)

// Snapshot is a table as it is at one version. It is immutable and may be shared.
type Snapshot struct {
	Version   int64
	Timestamp time.Time // when the version was committed, in UTC; never before the version before it
	Protocol  Protocol
	Metadata  Metadata

	files      []*Add    // by decoded path
	tombstones []*Remove // by decoded path
	txns       map[string]txn
}

// Files returns the table's data files, in the order of their decoded paths. The slice and what it
// points to are shared: do not change them.
func (s *Snapshot) Files() []*Add { return s.files }

// Schema returns the table's columns, partition columns included; a type that package table does not
// have is ErrProtocol.
func (s *Snapshot) Schema() (table.Schema, error) { return s.Metadata.Schema() }

// Txn returns the last version of an application's transactions that the table has (Tx.Txns).
func (s *Snapshot) Txn(appID string) (int64, bool) {
	t, ok := s.txns[appID]
	return t.Version, ok
}

// file returns the data file with that decoded path, or nil.
func (s *Snapshot) file(path string) *Add {
	i, ok := slices.BinarySearchFunc(s.files, path, func(a *Add, path string) int { return cmp.Compare(a.key, path) })
	if !ok {
		return nil
	}
	return s.files[i]
}

// replay applies the commits that follow the snapshot, in order, and returns the new one. Its cost is that of the
// commits' actions and one pass over the list of files, without work for each file.
func (s *Snapshot) replay(commits []*commit) *Snapshot {
	if len(commits) == 0 {
		return s
	}
	next := *s
	next.txns = maps.Clone(s.txns)
	if next.txns == nil {
		next.txns = map[string]txn{}
	}
	changes := map[string]fileChange{} // by decoded path: the last word on a file
	for _, c := range commits {
		next.Version = c.version
		next.Timestamp = laterOf(c.timestamp, next.Timestamp)
		if c.protocol != nil {
			next.Protocol = *c.protocol
		}
		if c.metadata != nil {
			next.Metadata = *c.metadata
		}
		for _, t := range c.txns {
			next.txns[t.AppID] = t
		}
		for _, f := range c.files {
			changes[f.path()] = f
		}
	}
	next.apply(changes)
	return &next
}

// laterOf keeps time from running backwards from one commit to the next, as other readers do.
func laterOf(at, before time.Time) time.Time {
	if !before.IsZero() && !at.After(before) {
		return before.Add(time.Millisecond)
	}
	return at
}

// fileChange is an add or a remove.
type fileChange struct {
	add    *Add
	remove *Remove
}

func (f fileChange) path() string {
	if f.add != nil {
		return f.add.key
	}
	return f.remove.key
}

func (s *Snapshot) apply(changes map[string]fileChange) {
	paths := slices.Sorted(maps.Keys(changes))
	adds, removes := make([]*Add, len(paths)), make([]*Remove, len(paths))
	for i, path := range paths {
		adds[i], removes[i] = changes[path].add, changes[path].remove
	}
	s.files = merge(s.files, paths, adds, func(a *Add) string { return a.key })
	s.tombstones = merge(s.tombstones, paths, removes, func(r *Remove) string { return r.key })
}

// merge returns a copy of the sorted list in which each of the sorted paths has its new entry, or none
// where that is nil.
func merge[T any](list []*T, paths []string, entries []*T, key func(*T) string) []*T {
	merged := make([]*T, 0, len(list)+len(entries))
	for i, path := range paths {
		at, found := slices.BinarySearchFunc(list, path, func(t *T, path string) int { return cmp.Compare(key(t), path) })
		merged = append(merged, list[:at]...)
		if list = list[at:]; found {
			list = list[1:]
		}
		if entries[i] != nil {
			merged = append(merged, entries[i])
		}
	}
	return append(merged, list...)
}
