package local

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/duckdb/duckdb-go/v2"

	"tributary/internal/lake"
)

// fullDisk are the errors of a file system that takes no more, and the words in which DuckDB has them.
var fullDisk = map[syscall.Errno]string{
	syscall.ENOSPC: "No space left", syscall.EDQUOT: "quota exceeded", syscall.EFBIG: "File too large",
}

// explain says of an error that the reader can do something about what that is.
func (l *Lake) explain(err error) error {
	var duck *duckdb.Error
	if !errors.As(err, &duck) {
		duck = &duckdb.Error{}
	}
	for number, words := range fullDisk {
		if errors.Is(err, number) || strings.Contains(duck.Msg, words) {
			return fmt.Errorf("the lake's disk is full, or at its quota or limit: free space in %s%s and run again: %w", l.dir, l.elsewhere(), err)
		}
	}
	return err
}

// elsewhere names the folder of temporary files when it is not in the lake.
func (l *Lake) elsewhere() string {
	if strings.HasPrefix(l.options.TempDir, l.dir) {
		return ""
	}
	return " and " + l.options.TempDir
}

// classify turns DuckDB's errors into the lake's where the reader can do something about them.
func classify(err error) error {
	var duck *duckdb.Error
	if !errors.As(err, &duck) {
		return err
	}
	switch duck.Type {
	case duckdb.ErrorTypeOutOfMemory:
		return fmt.Errorf("DuckDB's memory limit is too small for this table; raise lake.memory, or lower lake.threads: %w", err)
	case duckdb.ErrorTypeConversion, duckdb.ErrorTypeOutOfRange:
		return fmt.Errorf("%w: a value does not fit its column: %w", lake.ErrSchema, err)
	}
	return err
}
