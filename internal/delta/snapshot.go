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

	files      []*Add    // by fileID
	tombstones []*Remove // by fileID
	txns       map[string]txn
}

// Files returns the table's data files, in the order of their decoded paths. The slice and what it
// points to are shared: do not change them.
func (s *Snapshot) Files() []*Add { return s.files }

// DeletionVectors says whether a commit may take rows out of data files by deletion vectors.
func (s *Snapshot) DeletionVectors() bool {
	set, err := s.Metadata.settings()
	return err == nil && set.deletionVectors && s.Protocol.hasVectors()
}

// Schema returns the table's columns, partition columns included; a type that package table does not
// have is ErrProtocol.
func (s *Snapshot) Schema() (table.Schema, error) { return s.Metadata.Schema() }

// Txn returns the last version of an application's transactions that the table has (Tx.Txns).
func (s *Snapshot) Txn(appID string) (int64, bool) {
	t, ok := s.txns[appID]
	return t.Version, ok
}

// file returns the data file with that fileID, or nil.
func (s *Snapshot) file(id string) *Add {
	i, ok := slices.BinarySearchFunc(s.files, id, func(a *Add, id string) int { return cmp.Compare(a.id, id) })
	if !ok {
		return nil
	}
	return s.files[i]
}

// hasPath says whether the data file with that decoded path is in the table, with or without a deletion vector.
func (s *Snapshot) hasPath(key string) bool {
	i, _ := slices.BinarySearchFunc(s.files, key, func(a *Add, key string) int { return cmp.Compare(a.key, key) })
	return i < len(s.files) && s.files[i].key == key
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
	changes := map[string]fileChange{} // by fileID: the last word on a file
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
			changes[f.id()] = f
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

func (f fileChange) id() string {
	if f.add != nil {
		return f.add.id
	}
	return f.remove.id
}

func (s *Snapshot) apply(changes map[string]fileChange) {
	ids := slices.Sorted(maps.Keys(changes))
	adds, removes := make([]*Add, len(ids)), make([]*Remove, len(ids))
	for i, id := range ids {
		adds[i], removes[i] = changes[id].add, changes[id].remove
	}
	s.files = merge(s.files, ids, adds, func(a *Add) string { return a.id })
	s.tombstones = merge(s.tombstones, ids, removes, func(r *Remove) string { return r.id })
}

// merge returns a copy of the sorted list in which each of the sorted ids has its new entry, or none
// where that is nil.
func merge[T any](list []*T, ids []string, entries []*T, idOf func(*T) string) []*T {
	merged := make([]*T, 0, len(list)+len(entries))
	for i, id := range ids {
		at, found := slices.BinarySearchFunc(list, id, func(t *T, id string) int { return cmp.Compare(idOf(t), id) })
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
