package delta

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"
)

// DeletionVector says where the numbers of a data file's rows are that are no longer in the table. The protocol's storage
// types are "u", a file in the table's folder, "i", in the log itself, and "p", a file with an absolute path.
type DeletionVector struct {
	StorageType    string `json:"storageType"`
	PathOrInlineDv string `json:"pathOrInlineDv"`
	Offset         *int32 `json:"offset,omitempty"` // bytes from the beginning of the file
	SizeInBytes    int32  `json:"sizeInBytes"`
	Cardinality    int64  `json:"cardinality"` // rows
}

const (
	storedInFile     = "u"
	storedInLog      = "i"
	storedAbsolutely = "p"
)

// uniqueID tells the vectors of one data file from each other.
func (v *DeletionVector) uniqueID() string {
	id := v.StorageType + v.PathOrInlineDv
	if v.Offset != nil {
		id = fmt.Sprintf("%s@%d", id, *v.Offset)
	}
	return id
}

func (v *DeletionVector) check() error {
	known := v.StorageType == storedInFile || v.StorageType == storedInLog || v.StorageType == storedAbsolutely
	if !known || v.PathOrInlineDv == "" || v.SizeInBytes <= 0 || v.Cardinality < 0 || v.Offset != nil && *v.Offset < 0 {
		return fmt.Errorf("%w: a deletion vector without a known storage type, place, size or cardinality", ErrCorrupt)
	}
	if v.StorageType == storedAbsolutely {
		return checkPath(v.PathOrInlineDv)
	}
	_, err := v.file("")
	return err
}

// file returns the path of the file that the vector is in, for a table in folder dir; "" when it is in the log.
func (v *DeletionVector) file(dir string) (string, error) {
	switch v.StorageType {
	case storedInLog:
		return "", nil
	case storedAbsolutely:
		return localPath(dir, decodePath(v.PathOrInlineDv)), nil
	}
	prefix := len(v.PathOrInlineDv) - z85Length(len(uuid.UUID{}))
	if prefix < 0 {
		return "", fmt.Errorf("%w: deletion vector %q names no file", ErrCorrupt, v.PathOrInlineDv)
	}
	raw, err := decodeZ85(v.PathOrInlineDv[prefix:])
	if err != nil {
		return "", fmt.Errorf("deletion vector %q: %w", v.PathOrInlineDv, err)
	}
	return filepath.Join(dir, filepath.FromSlash(v.PathOrInlineDv[:prefix]), vectorName(uuid.UUID(raw))), nil
}

func vectorName(id uuid.UUID) string { return "deletion_vector_" + id.String() + ".bin" }

// fileID is what adds and removes meet by: the decoded path, and the deletion vector where there is one.
func fileID(key string, v *DeletionVector) string {
	if v == nil {
		return key
	}
	return key + "\x00" + v.uniqueID()
}

// WithDeletionVector returns the same data file with other rows taken out of it. Its statistics must know the number of its rows; they stay, as
// bounds that rows may no longer reach.
func (a *Add) WithDeletionVector(v *DeletionVector) (Add, error) {
	next := *a
	next.DeletionVector, next.id, next.parsed = v, "", nil
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(a.Stats), &raw); err != nil || raw["numRecords"] == nil {
		return Add{}, fmt.Errorf("%w: file %s has no count of its rows, so that it cannot have a deletion vector", ErrInvalid, a.Path)
	}
	raw["tightBounds"] = json.RawMessage("false")
	text, err := json.Marshal(raw)
	next.Stats = string(text)
	return next, err
}

// Records returns how many rows of the file are in the table; false when its statistics do not know.
func (a *Add) Records() (int64, bool) {
	stats, err := a.Statistics()
	if err != nil || stats == nil || stats.NumRecords < 0 {
		return 0, false
	}
	return stats.NumRecords - a.deleted(), true
}

// deleted is how many rows of the file the deletion vector takes out of the table.
func (a *Add) deleted() int64 {
	if a.DeletionVector == nil {
		return 0
	}
	return a.DeletionVector.Cardinality
}
