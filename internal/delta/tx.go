package delta

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"tributary/internal/table"
)

// engineInfo names this writer in the log.
const engineInfo = "Tributary"

// Tx is a transaction: what it read, and what it changes.
type Tx struct {
	Read           *Snapshot                                     // what the transaction was based on; nil creates the table (ErrExists when it exists)
	ReadPartitions func(partitionValues map[string]*string) bool // whether the transaction looked at files of a partition; nil is a blind append
	Adds           []Add                                         // new files; DataChange is set from the transaction's
	Removes        []*Add                                        // files of Read that go
	Metadata       *Metadata                                     // new metadata; required when Read is nil
	Txns           map[string]int64                              // application ids and their versions; two transactions of one application conflict
	Operation      string                                        // MERGE, WRITE, DELETE, OPTIMIZE, CREATE TABLE, ADD COLUMNS…
	Parameters     map[string]string
	Metrics        map[string]string
	// DataChange says that rows were added, changed or removed. False is for a transaction that only moves rows
	// between files (OPTIMIZE): it does not disturb transactions that read the partition.
	DataChange bool
	Trusted    func(*Add) bool // whose count of rows is believed, when rows only move; nil is every file's. Another writer's may be wrong
	Time       time.Time       // when the commit happens; zero is now. The log's time never runs backwards: it may become later
}

// validate refuses what would break the table, and completes the adds. It does no I/O.
func (tx *Tx) validate() error {
	metadata := tx.Metadata
	if tx.Read != nil {
		if err := tx.Read.Protocol.checkWrite(); err != nil {
			return err
		}
		if metadata == nil {
			metadata = &tx.Read.Metadata
		}
	}
	if metadata == nil {
		return fmt.Errorf("%w: a table is created with its metadata", ErrInvalid)
	}
	if err := metadata.checkWritable(); err != nil {
		return err
	}
	if err := tx.validateFiles(metadata); err != nil {
		return err
	}
	if tx.Metadata == nil {
		return nil
	}
	return tx.validateMetadata()
}

func (tx *Tx) validateFiles(metadata *Metadata) error {
	added, removed, ids := map[string]bool{}, map[string]bool{}, map[string]bool{} // by path: a commit has each at most once
	for i := range tx.Adds {
		a := &tx.Adds[i]
		a.DataChange = tx.DataChange
		if err := a.validate(metadata.PartitionColumns); err != nil {
			return err
		}
		if added[a.key] {
			return fmt.Errorf("%w: file %s is added twice", ErrInvalid, a.Path)
		}
		if a.DeletionVector != nil && !tx.mayDelete(metadata) {
			return fmt.Errorf("%w: file %s has a deletion vector, which the table's properties do not allow (delta.enableDeletionVectors)", ErrInvalid, a.Path)
		}
		added[a.key], ids[a.id] = true, true
	}
	for _, a := range tx.Removes {
		key := cleanKey(a.Path)
		if removed[key] || ids[a.identity()] || tx.Read == nil || tx.Read.file(a.identity()) == nil {
			return fmt.Errorf("%w: file %s is removed but is not in the snapshot that was read, or is added or removed twice", ErrInvalid, a.Path)
		}
		removed[key] = true
	}
	for i := range tx.Adds {
		if a := &tx.Adds[i]; added[a.key] && !removed[a.key] && tx.Read != nil && tx.Read.hasPath(a.key) {
			return fmt.Errorf("%w: file %s is in the table already", ErrInvalid, a.Path)
		}
	}
	if s, err := metadata.settings(); err != nil || s.appendOnly && tx.DataChange && len(tx.Removes) > 0 {
		return firstError(err, fmt.Errorf("%w: the table is append-only (delta.appendOnly): rows cannot be changed or removed", ErrInvalid))
	}
	return tx.validateRearranged()
}

// validateRearranged catches a forgotten DataChange: a transaction that only moves rows keeps their number, where it is known.
func (tx *Tx) validateRearranged() error {
	if tx.DataChange || len(tx.Adds)+len(tx.Removes) == 0 {
		return nil
	}
	balance, known := int64(0), true
	count := func(a *Add, sign int64) {
		records, ok := a.Records()
		known = known && ok
		balance += sign * records
	}
	for i := range tx.Adds {
		count(&tx.Adds[i], 1)
	}
	for _, a := range tx.Removes {
		count(a, -1)
		known = known && (tx.Trusted == nil || tx.Trusted(a))
	}
	if len(tx.Removes) == 0 || known && balance != 0 {
		return fmt.Errorf("%w: %s changes the table's rows: set DataChange", ErrInvalid, tx.Operation)
	}
	return nil
}

func (a *Add) validate(partitionColumns []string) error {
	a.key = cleanKey(a.Path)
	a.id = fileID(a.key, a.DeletionVector)
	first, _, _ := strings.Cut(a.key, "/")
	if a.Path == "" || path.IsAbs(a.key) || first == ".." || first == "." || first == logFolder || strings.Contains(a.Path, ":") {
		return fmt.Errorf("%w: path %q of a data file is not a URL-encoded path inside the table's folder", ErrInvalid, a.Path)
	}
	for _, column := range partitionColumns {
		value, ok := a.PartitionValues[column]
		if !ok || value != nil && *value == "" {
			return fmt.Errorf("%w: file %s has no value for partition column %q (NULL is nil, not empty)", ErrInvalid, a.Path, column)
		}
	}
	if len(a.PartitionValues) != len(partitionColumns) {
		return fmt.Errorf("%w: file %s has values for columns that are not partition columns", ErrInvalid, a.Path)
	}
	if a.Stats != "" {
		if _, err := ParseStats(a.Stats); err != nil {
			return fmt.Errorf("file %s: %w", a.Path, err)
		}
	}
	if a.PartitionValues == nil {
		a.PartitionValues = map[string]*string{} // the protocol requires the field
	}
	if a.DeletionVector == nil {
		return nil
	}
	if _, known := a.Records(); !known {
		return fmt.Errorf("%w: file %s has a deletion vector and no count of its rows", ErrInvalid, a.Path)
	}
	return a.DeletionVector.check()
}

// validateMetadata refuses a schema by which files that stay would be misread.
func (tx *Tx) validateMetadata() error {
	m := tx.Metadata
	schema, err := m.Schema()
	if err != nil {
		return err
	}
	if err := m.check(schema); err != nil || tx.Read == nil {
		return err
	}
	before, err := tx.Read.Schema()
	if err != nil {
		return err
	}
	if m.ID != tx.Read.Metadata.ID || strings.Join(m.PartitionColumns, "\x00") != strings.Join(tx.Read.Metadata.PartitionColumns, "\x00") {
		return fmt.Errorf("%w: a table's id and partition columns cannot change; make a new table", ErrInvalid)
	}
	if len(tx.Removes) == len(tx.Read.files) && (len(tx.Read.files) == 0 || tx.ReadPartitions != nil) {
		return nil // nothing stays
	}
	return checkEvolution(before, schema)
}

func checkEvolution(before, schema table.Schema) error {
	for _, c := range schema {
		i := before.Find(c.Name)
		switch {
		case i < 0 && !c.Nullable:
			return fmt.Errorf("%w: new column %q must be nullable: the files there are have no values for it", ErrInvalid, c.Name)
		case i >= 0 && (before[i].Name != c.Name || before[i].Type != c.Type):
			return fmt.Errorf("%w: column %q cannot change from %s to %s without rewriting every file", ErrInvalid, c.Name, before[i].Type, c.Type)
		case i >= 0 && before[i].Nullable && !c.Nullable:
			return fmt.Errorf("%w: column %q cannot become NOT NULL without rewriting every file", ErrInvalid, c.Name)
		}
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// body writes the transaction as the lines of a commit file.
func (tx *Tx) body(at time.Time, readVersion int64) ([]byte, error) {
	blind := tx.ReadPartitions == nil && len(tx.Removes) == 0
	info := &commitInfo{
		Timestamp: at.UnixMilli(), Operation: tx.Operation, OperationParameters: rawStrings(tx.Parameters),
		OperationMetrics: rawStrings(tx.Metrics), IsBlindAppend: &blind, EngineInfo: engineInfo, TxnID: uuid.NewString(),
	}
	if info.OperationParameters == nil {
		info.OperationParameters = map[string]json.RawMessage{}
	}
	actions := []action{{CommitInfo: info}}
	if protocol := tx.protocol(); protocol != nil {
		actions = append(actions, action{Protocol: protocol})
	}
	if tx.Read != nil {
		info.ReadVersion = &readVersion
	}
	if tx.Metadata != nil {
		actions = append(actions, action{MetaData: tx.Metadata.complete()})
	}
	for id, version := range tx.Txns {
		actions = append(actions, action{Txn: &txn{AppID: id, Version: version, LastUpdated: at.UnixMilli()}})
	}
	for _, a := range tx.Removes {
		actions = append(actions, action{Remove: tx.Read.file(a.identity()).tombstone(at.UnixMilli(), tx.DataChange)})
	}
	for i := range tx.Adds {
		actions = append(actions, action{Add: &tx.Adds[i]})
	}
	return writeLines(actions)
}

// complete fills what the protocol requires to be there.
func (m Metadata) complete() *Metadata {
	if m.Format.Provider == "" {
		m.Format.Provider = "parquet"
	}
	if m.Format.Options == nil {
		m.Format.Options = map[string]string{}
	}
	if m.PartitionColumns == nil {
		m.PartitionColumns = []string{}
	}
	if m.Configuration == nil {
		m.Configuration = map[string]string{}
	}
	return &m
}
