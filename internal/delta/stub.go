package delta

import (
	"context"
	"errors"
	"sync"
	"time"

	"tributary/internal/table"
)

var errLater = errors.New("not built yet")

type lazyStats struct {
	once  sync.Once
	stats *Stats
	err   error
}

func decodePath(p string) string { return p }

// Table is a Delta table in a local folder. It is safe for concurrent use, keeps the newest snapshot and
// refreshes it with the commits that came since.
type Table struct{ dir string }

// Open returns the table in folder dir, which need not exist yet. It does no I/O.
func Open(dir string) *Table { return &Table{dir: dir} }

func (t *Table) Dir() string                                     { return t.dir }
func (t *Table) Snapshot(ctx context.Context) (*Snapshot, error) { return nil, errLater }
func (t *Table) SnapshotAt(ctx context.Context, version int64) (*Snapshot, error) {
	return nil, errLater
}
func (t *Table) VersionAsOf(ctx context.Context, at time.Time) (int64, error) { return -1, errLater }
func (t *Table) History(ctx context.Context, limit int) ([]CommitInfo, error) { return nil, errLater }

// Commit appends the transaction to the log and returns its version, -1 when it failed.
// It checks that every added file is there with the size that Add states, and syncs the files and their
// folders to disk, before the commit becomes visible.
func (t *Table) Commit(ctx context.Context, tx Tx) (int64, error) { return -1, errLater }
func (t *Table) VacuumList(ctx context.Context, retention time.Duration, now time.Time) ([]string, error) {
	return nil, errLater
}
func (t *Table) Vacuum(ctx context.Context, retention time.Duration, now time.Time) (int, error) {
	return 0, errLater
}

// Snapshot is a table as it is at one version. It is immutable.
type Snapshot struct {
	Version   int64
	Timestamp time.Time
	Protocol  Protocol
	Metadata  Metadata
}

func (s *Snapshot) Files() []*Add                  { return nil }
func (s *Snapshot) Schema() (table.Schema, error)  { return s.Metadata.Schema() }
func (s *Snapshot) Txn(appID string) (int64, bool) { return 0, false }

// Metadata describes a table.
type Metadata struct {
	ID               string            `json:"id"`
	Name             string            `json:"name,omitempty"`
	Description      string            `json:"description,omitempty"`
	SchemaString     string            `json:"schemaString"`
	PartitionColumns []string          `json:"partitionColumns"`
	Configuration    map[string]string `json:"configuration"`
	CreatedTime      int64             `json:"createdTime,omitempty"`
}

func (m Metadata) Schema() (table.Schema, error) { return nil, errLater }

// WithSchema returns the metadata with another schema: columns added, comments changed. What else the
// log says about a column that stays is kept.
func (m Metadata) WithSchema(schema table.Schema) (Metadata, error) { return m, errLater }

func NewMetadata(name, comment string, schema table.Schema, partitionBy []string, properties map[string]string) (Metadata, error) {
	return Metadata{}, errLater
}

// Tx is a transaction.
type Tx struct {
	Read           *Snapshot                                     // what the transaction was based on; nil creates the table (ErrExists when it exists)
	ReadPartitions func(partitionValues map[string]*string) bool // whether the transaction looked at files of a partition; nil is a blind append
	Adds           []Add                                         // new files; DataChange is set from the transaction's
	Removes        []*Add                                        // files of Read that go
	Metadata       *Metadata                                     // new metadata; required when Read is nil
	Txns           map[string]int64                              // application ids and their versions
	Operation      string                                        // MERGE, WRITE, DELETE, OPTIMIZE, CREATE TABLE, ADD COLUMNS…
	Parameters     map[string]string
	Metrics        map[string]string
	// DataChange says that rows were added, changed or removed. False is for a transaction that only moves rows
	// between files (OPTIMIZE): it does not disturb transactions that read the partition.
	DataChange bool
	Time       time.Time // zero is now
}

// CommitInfo is an entry of a table's history.
type CommitInfo struct {
	Version       int64
	Timestamp     time.Time
	Operation     string
	Parameters    map[string]string
	Metrics       map[string]string
	ReadVersion   int64 // -1 when unknown
	IsBlindAppend bool
	EngineInfo    string
}

// Stats are the statistics of one data file. Values are json.Number, string, bool, or nested maps.
type Stats struct {
	NumRecords int64
	MinValues  map[string]any
	MaxValues  map[string]any
	NullCount  map[string]int64
}

// ParseStats parses the JSON of Add.Stats.
func ParseStats(text string) (*Stats, error) { return nil, errLater }

// NewStats returns the statistics of a file of that many rows, without columns.
func NewStats(numRecords int64) *Stats { return &Stats{NumRecords: numRecords} }

// Set records a column's smallest and largest value and how many NULLs it has. Values are Go's natural ones:
// integers, floats, string, time.Time for date and timestamp, exact text for decimals; nil is unknown.
func (s *Stats) Set(column string, t table.Type, min, max any, nullCount int64) error {
	return errLater
}

// JSON returns the statistics as Add.Stats has them.
func (s *Stats) JSON() (string, error) { return "", errLater }

// MayContain says whether the file may have a row with low <= column <= high; nil bounds are open. Nil
// Stats may contain anything. Only a certain no is false.
func (s *Stats) MayContain(column string, t table.Type, low, high any) bool { return true }

// PartitionValue writes a value as the log has it: nil is NULL. An empty string is an error, because Delta
// cannot tell it from NULL.
func PartitionValue(t table.Type, value any) (*string, error) { return nil, errLater }

// ParsePartitionValue is the inverse of PartitionValue: int64, float64, bool, string, time.Time, or exact text of a decimal.
func ParsePartitionValue(t table.Type, value *string) (any, error) { return nil, errLater }

// PartitionPath returns the Hive-style folder of a partition, relative to the table's folder: region=eu/client_id=acme.
func PartitionPath(columns []string, values map[string]*string) string { return "" }

// EncodePath URL-encodes the path of a file relative to the table's folder (with slashes), as Add.Path has it.
func EncodePath(path string) string { return path }
