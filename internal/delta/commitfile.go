package delta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// commit is one parsed commit file.
type commit struct {
	version   int64
	timestamp time.Time // from commitInfo, or else the file's
	info      *commitInfo
	protocol  *Protocol
	metadata  *Metadata
	txns      []txn
	files     []fileChange
}

// action is a line of a commit file; exactly one field is set. Unknown actions are ignored, as the protocol says.
type action struct {
	CommitInfo *commitInfo `json:"commitInfo,omitempty"`
	Protocol   *Protocol   `json:"protocol,omitempty"`
	MetaData   *Metadata   `json:"metaData,omitempty"`
	Txn        *txn        `json:"txn,omitempty"`
	Add        *Add        `json:"add,omitempty"`
	Remove     *Remove     `json:"remove,omitempty"`
}

// commitInfo is what a writer tells about its commit. Other writers put numbers and booleans among the
// parameters and metrics.
type commitInfo struct {
	Timestamp           int64                      `json:"timestamp,omitempty"` // ms since the epoch
	InCommitTimestamp   int64                      `json:"inCommitTimestamp,omitempty"`
	Operation           string                     `json:"operation,omitempty"`
	OperationParameters map[string]json.RawMessage `json:"operationParameters,omitempty"`
	OperationMetrics    map[string]json.RawMessage `json:"operationMetrics,omitempty"`
	ReadVersion         *int64                     `json:"readVersion,omitempty"`
	IsBlindAppend       *bool                      `json:"isBlindAppend,omitempty"`
	EngineInfo          string                     `json:"engineInfo,omitempty"`
	TxnID               string                     `json:"txnId,omitempty"`
}

// readCommit reads a commit file. A missing file is fs.ErrNotExist, anything that is not whole is ErrCorrupt.
func (t *Table) readCommit(version int64) (*commit, error) {
	path := t.commitPath(version)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read a commit: %w", err)
	}
	c, err := parseCommit(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.version = version
	if c.timestamp.IsZero() {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read a commit: %w", err)
		}
		c.timestamp = info.ModTime().UTC().Truncate(time.Millisecond)
	}
	return c, nil
}

// parseCommit parses the lines of a commit file; errors name the line.
func parseCommit(data []byte) (*commit, error) {
	c := &commit{}
	actions := 0
	for number := 1; len(data) > 0; number++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := c.parseLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		actions++
	}
	if actions == 0 {
		return nil, fmt.Errorf("%w: the file is empty", ErrCorrupt)
	}
	if c.info != nil {
		if ms := max(c.info.InCommitTimestamp, c.info.Timestamp); ms > 0 {
			c.timestamp = time.UnixMilli(ms).UTC()
		}
	}
	return c, nil
}

func (c *commit) parseLine(line []byte) error {
	if !utf8.Valid(line) {
		return fmt.Errorf("%w: not valid UTF-8", ErrCorrupt)
	}
	if line[0] != '{' {
		return fmt.Errorf("%w: not a JSON object", ErrCorrupt)
	}
	var a action
	if err := json.Unmarshal(line, &a); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	switch {
	case a.Add != nil:
		return c.addFile(a.Add)
	case a.Remove != nil:
		return c.removeFile(a.Remove)
	case a.CommitInfo != nil:
		c.info = a.CommitInfo
	case a.Protocol != nil:
		c.protocol = a.Protocol
		return a.Protocol.checkRead()
	case a.MetaData != nil:
		c.metadata = a.MetaData
	case a.Txn != nil:
		c.txns = append(c.txns, *a.Txn)
	}
	return nil
}

func (c *commit) addFile(a *Add) error {
	c.files = append(c.files, fileChange{add: a})
	return a.finish()
}

func (c *commit) removeFile(r *Remove) error {
	c.files = append(c.files, fileChange{remove: r})
	return r.finish()
}

// finish completes an add that was read from the log.
func (a *Add) finish() error {
	if a.Path == "" || a.Size < 0 {
		return fmt.Errorf("%w: add without a path, or of negative size", ErrCorrupt)
	}
	if err := checkPath(a.Path); err != nil {
		return err
	}
	if a.key = cleanKey(a.Path); strings.Contains(a.key, "\x00") { // which fileID relies on
		return fmt.Errorf("%w: path %q has a NUL", ErrCorrupt, a.Path)
	}
	a.id = fileID(a.key, a.DeletionVector)
	a.parsed = &lazyStats{}
	a.PartitionValues = normalize(a.PartitionValues)
	if a.DeletionVector != nil {
		return a.DeletionVector.check()
	}
	return nil
}

func (r *Remove) finish() error {
	if r.key = cleanKey(r.Path); r.Path == "" || strings.Contains(r.key, "\x00") {
		return fmt.Errorf("%w: remove without a path, or with a NUL in it", ErrCorrupt)
	}
	r.id = fileID(r.key, r.DeletionVector)
	r.PartitionValues = normalize(r.PartitionValues)
	return nil
}

// cleanKey is the decoded path, with ./ and doubled slashes gone.
func cleanKey(path string) string {
	key := decodePath(path)
	if strings.HasPrefix(key, "file:") {
		return key
	}
	return filepath.ToSlash(filepath.Clean(key))
}

// normalize turns empty values into NULL, which is what they mean in the log.
func normalize(values map[string]*string) map[string]*string {
	for column, value := range values {
		if value != nil && *value == "" {
			values[column] = nil
		}
	}
	return values
}
