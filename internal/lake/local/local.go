// Package local is the embedded lake: real Delta tables in a folder. DuckDB reads and writes their
// Parquet files, internal/delta keeps their logs, and this package decides which files a change touches.
package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// Options say where a local lake is and what it may use.
type Options struct {
	Dir         string // made when it is missing; tables are in Dir/<schema>/<table>
	MemoryLimit string // of DuckDB, as it writes sizes; default "512MB"
	Threads     int    // of DuckDB; default one per processor, and no more than one per 250 MB of MemoryLimit
	TempDir     string // where DuckDB spills what does not fit in memory; default Dir/_tmp
}

// Lake is a folder of Delta tables. It implements lake.Lake; several processes may use one folder at once.
type Lake struct {
	dir     string
	options Options
	db      *sql.DB
	masking masking

	mu     sync.Mutex
	tables map[string]*delta.Table // by folder
	logs   map[string]*logCache    // by folder
}

var _ lake.Lake = (*Lake)(nil)

// Folders of a lake that are not schemas.
const (
	stagingDir = "_staging"
	tempDir    = "_tmp"
)

// leftoverAge is how old a temporary folder is before Open takes it for one that a killed process left.
const leftoverAge = 24 * time.Hour

// Open opens the lake in a folder and makes it when it is missing. A folder that cannot be written is an error.
func Open(ctx context.Context, options Options) (*Lake, error) {
	dir, err := filepath.Abs(options.Dir)
	if err != nil || options.Dir == "" {
		return nil, fmt.Errorf("local lake: folder %q is not usable: name a folder that can be written (lake.dir)", options.Dir)
	}
	if strings.ContainsAny(dir, "*?[]{}") {
		return nil, fmt.Errorf("local lake: folder %q has one of * ? [ ] { } in its name, which DuckDB reads as a pattern: choose another", dir)
	}
	if options.MemoryLimit == "" {
		options.MemoryLimit = "512MB"
	}
	if options.Threads == 0 {
		options.Threads = threadsWithin(options.MemoryLimit, runtime.GOMAXPROCS(0))
	}
	if options.TempDir == "" {
		options.TempDir = filepath.Join(dir, tempDir)
	}
	for _, folder := range []string{dir, filepath.Join(dir, stagingDir), filepath.Join(dir, tempDir), options.TempDir} {
		if err := checkWritable(folder); err != nil {
			return nil, fmt.Errorf("local lake: folder %s cannot be written; change its owner or rights, or choose another: %w", folder, err)
		}
	}
	removeLeftovers(filepath.Join(dir, tempDir))
	db, err := openDuckDB(ctx, options, joinAsWritten)
	if err != nil {
		return nil, fmt.Errorf("local lake %s: %w", dir, err)
	}
	l := &Lake{dir: dir, options: options, db: db, masking: defaultMasking, tables: map[string]*delta.Table{}, logs: map[string]*logCache{}}
	if err := l.makeEmptyFile(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("local lake %s: %w", dir, err), db.Close())
	}
	return l, nil
}

// threadBytes is about what a thread takes where rows are wide: row groups that it reads and one that it writes, which DuckDB does not spill.
const threadBytes = 250_000_000

// threadsWithin is how many threads a memory limit bears of a machine's processors; a limit that cannot be read bears all.
func threadsWithin(memoryLimit string, processors int) int {
	limit, err := humanize.ParseBytes(memoryLimit)
	if err != nil {
		return processors
	}
	return int(min(uint64(processors), max(limit/threadBytes, 1)))
}

func (l *Lake) emptyFile() string { return filepath.Join(l.dir, tempDir, "empty.parquet") }

// makeEmptyFile makes the Parquet file without rows, in a way that other processes never see half of it.
func (l *Lake) makeEmptyFile(ctx context.Context) error {
	if _, err := os.Stat(l.emptyFile()); err == nil {
		return nil
	}
	s, err := l.session(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	made := filepath.Join(s.work, "empty.parquet")
	if err := s.exec(ctx, "COPY (SELECT 0 AS __none WHERE false) TO "+table.Literal(made)+" (FORMAT parquet)"); err != nil {
		return err
	}
	return os.Rename(made, l.emptyFile())
}

// Close ends the lake's DuckDB. Running calls fail.
func (l *Lake) Close() error { return l.db.Close() }

func checkWritable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(probe.Name())
	return probe.Close()
}

func removeLeftovers(folder string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), workPrefix) && time.Since(info.ModTime()) > leftoverAge {
			os.RemoveAll(filepath.Join(folder, entry.Name()))
		}
	}
}

// table returns the Delta table of a central table; one per folder, because it caches the snapshot.
func (l *Lake) table(schema, name string) (*delta.Table, error) {
	if schema == "" || name == "" {
		return nil, fmt.Errorf("local lake: central table %q.%q needs a schema and a name", schema, name)
	}
	dir := filepath.Join(l.dir, folderName(schema), folderName(name))
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.tables[dir]
	if !ok {
		t = delta.Open(dir)
		l.tables[dir] = t
	}
	return t, nil
}

// folderName writes a schema's or table's name so that it is one safe path element: letters, digits, and
// inner . _ - stay, every other byte becomes =XX.
func folderName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if plain || i > 0 && (c == '.' || c == '_' || c == '-') {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// nameOf is the inverse of folderName.
func nameOf(folder string) string {
	var b strings.Builder
	for i := 0; i < len(folder); i++ {
		var c byte
		if folder[i] == '=' && i+2 < len(folder) {
			if _, err := fmt.Sscanf(folder[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(folder[i])
	}
	return b.String()
}
