package delta

import (
	"path/filepath"
	"strings"
)

// Protocol is what readers and writers of a table must know. This package reads and writes tables of reader version 1 and writer
// version 2, and those of 3 and 7 that have no more features than deletion vectors.
type Protocol struct {
	MinReaderVersion int      `json:"minReaderVersion"`
	MinWriterVersion int      `json:"minWriterVersion"`
	ReaderFeatures   []string `json:"readerFeatures,omitempty"`
	WriterFeatures   []string `json:"writerFeatures,omitempty"`
}

// Add is a data file of a table. The values that a Snapshot hands out are shared: they must not be changed.
type Add struct {
	Path             string             `json:"path"`             // relative to the table's folder, URL-encoded: see EncodePath
	PartitionValues  map[string]*string `json:"partitionValues"`  // every partition column; nil is NULL
	Size             int64              `json:"size"`             // bytes
	ModificationTime int64              `json:"modificationTime"` // ms since the epoch
	DataChange       bool               `json:"dataChange"`       // Commit sets it from Tx.DataChange
	Stats            string             `json:"stats,omitempty"`  // JSON, as Stats.JSON writes it; "" is unknown
	Tags             map[string]string  `json:"tags,omitempty"`
	DeletionVector   *DeletionVector    `json:"deletionVector,omitempty"` // rows of the file that are not in the table; see Table.DeletedRows

	key    string // the decoded path
	id     string // fileID
	parsed *lazyStats
}

// LocalPath returns the file's path on disk, for a table in folder dir.
func (a *Add) LocalPath(dir string) string { return localPath(dir, a.decodedPath()) }

// Statistics returns the parsed Stats, nil when the file has none. The result is shared: do not change it.
func (a *Add) Statistics() (*Stats, error) {
	if a.Stats == "" {
		return nil, nil
	}
	if a.parsed == nil {
		return ParseStats(a.Stats)
	}
	a.parsed.once.Do(func() { a.parsed.stats, a.parsed.err = ParseStats(a.Stats) })
	return a.parsed.stats, a.parsed.err
}

func (a *Add) decodedPath() string {
	if a.key != "" {
		return a.key
	}
	return decodePath(a.Path)
}

func (a *Add) identity() string {
	if a.id != "" {
		return a.id
	}
	return fileID(cleanKey(a.Path), a.DeletionVector)
}

func (a *Add) tombstone(now int64, dataChange bool) *Remove {
	return &Remove{
		Path: a.Path, DeletionTimestamp: now, DataChange: dataChange, ExtendedFileMetadata: true,
		PartitionValues: a.PartitionValues, Size: a.Size, Tags: a.Tags, key: a.decodedPath(),
		DeletionVector: a.DeletionVector, id: a.identity(),
	}
}

// Remove is a tombstone: a data file that is no longer part of the table. The file stays on disk
// for readers of older versions, until Vacuum.
type Remove struct {
	Path                 string             `json:"path"`
	DeletionTimestamp    int64              `json:"deletionTimestamp"` // ms since the epoch
	DataChange           bool               `json:"dataChange"`
	ExtendedFileMetadata bool               `json:"extendedFileMetadata,omitempty"` // PartitionValues and Size are known
	PartitionValues      map[string]*string `json:"partitionValues,omitempty"`
	Size                 int64              `json:"size,omitempty"`
	Tags                 map[string]string  `json:"tags,omitempty"`
	DeletionVector       *DeletionVector    `json:"deletionVector,omitempty"` // that the file had

	key, id string
}

// txn is the last version of an application's own transactions that the table has.
type txn struct {
	AppID       string `json:"appId"`
	Version     int64  `json:"version"`
	LastUpdated int64  `json:"lastUpdated,omitempty"`
}

// localPath joins a table's folder and the decoded path of a file, which may also be an absolute file: URI.
func localPath(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "file:"); ok {
		return filepath.FromSlash("/" + strings.TrimLeft(rest, "/"))
	}
	if strings.HasPrefix(path, "/") {
		return filepath.FromSlash(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}
