package delta

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

var testSchema = table.Schema{
	{Name: "id", Type: table.Long},
	{Name: "name", Type: table.String, Nullable: true},
	{Name: "region", Type: table.String, Nullable: true},
}

// create makes a table partitioned by region, with properties given as key=value.
func create(t *testing.T, dir string, properties ...string) *Table {
	t.Helper()
	configuration := map[string]string{}
	for _, p := range properties {
		k, v, _ := strings.Cut(p, "=")
		configuration[k] = v
	}
	metadata, err := NewMetadata("orders", "Orders of all clients", testSchema, []string{"region"}, configuration)
	require.NoError(t, err)
	tbl := Open(dir)
	version, err := tbl.Commit(t.Context(), Tx{Metadata: &metadata, Operation: "CREATE TABLE"})
	require.NoError(t, err)
	require.EqualValues(t, 0, version)
	return tbl
}

// newFile writes a small file that stands for a data file of a region; "" is NULL.
func newFile(t testing.TB, dir, region string) Add {
	t.Helper()
	add, err := makeFile(dir, region)
	require.NoError(t, err)
	return add
}

func makeFile(dir, region string) (Add, error) {
	values := map[string]*string{"region": nil}
	if region != "" {
		values["region"] = &region
	}
	path := PartitionPath([]string{"region"}, values) + "/part-" + uuid.NewString() + ".parquet"
	local := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(local), 0o755); err != nil {
		return Add{}, err
	}
	if err := os.WriteFile(local, []byte("rows"), 0o600); err != nil {
		return Add{}, err
	}
	stats, err := NewStats(1).JSON()
	return Add{Path: EncodePath(path), PartitionValues: values, Size: 4, ModificationTime: time.Now().UnixMilli(), Stats: stats}, err
}

// add commits a new file of a region and returns it.
func add(t *testing.T, tbl *Table, region string) *Add {
	t.Helper()
	file := newFile(t, tbl.Dir(), region)
	_, err := tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{file}, DataChange: true, Operation: "WRITE"})
	require.NoError(t, err)
	return &file
}

func snapshot(t *testing.T, tbl *Table) *Snapshot {
	t.Helper()
	s, err := tbl.Snapshot(t.Context())
	require.NoError(t, err)
	return s
}

func paths(s *Snapshot) []string {
	list := []string{}
	for _, a := range s.Files() {
		list = append(list, a.Path)
	}
	return list
}

// requireSame compares everything that a snapshot says.
func requireSame(t *testing.T, want, got *Snapshot) {
	t.Helper()
	require.Equal(t, want.Version, got.Version)
	require.Equal(t, want.Timestamp, got.Timestamp)
	require.Equal(t, want.Protocol, got.Protocol)
	require.Equal(t, want.Metadata, got.Metadata)
	require.Equal(t, want.txns, got.txns)
	require.Equal(t, plainAdds(want), plainAdds(got))
	require.Equal(t, want.tombstones, got.tombstones)
}

func plainAdds(s *Snapshot) []Add {
	adds := make([]Add, len(s.files))
	for i, a := range s.files {
		adds[i] = *a
		adds[i].parsed = nil
	}
	return adds
}

func in(region string) func(map[string]*string) bool {
	return func(values map[string]*string) bool { return values["region"] != nil && *values["region"] == region }
}

func commitFile(dir string, version int64) string {
	return filepath.Join(dir, logFolder, fmt.Sprintf("%020d.json", version))
}

func checkpointFile(dir string, version int64) string {
	return filepath.Join(dir, logFolder, fmt.Sprintf("%020d.checkpoint.parquet", version))
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
