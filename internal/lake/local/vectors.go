package local

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/duckdb/duckdb-go/v2"

	"tributary/internal/delta"
	"tributary/internal/table"
)

// vectors are the deletion vectors of data files as a temporary table of a connection. Its one column k has, for each row that is no longer
// in the table, the number of its file, shifted by rowBits, and its number in the file.
type vectors struct {
	relation string
	numbers  map[*delta.Add]int
}

const rowBits = 40

// vectorTables numbers the temporary tables: a connection may have those of several tables.
var vectorTables atomic.Int64

// loadVectors reads the files' deletion vectors, so that scan can leave their rows out. It does nothing when there are none. What it makes
// ends with the connection.
func loadVectors(ctx context.Context, conn *sql.Conn, f *files) error {
	loaded := vectors{relation: fmt.Sprintf("__deleted_%d", vectorTables.Add(1)), numbers: map[*delta.Add]int{}}
	for _, add := range f.adds {
		if add.DeletionVector != nil {
			loaded.numbers[add] = len(loaded.numbers)
		}
	}
	if len(loaded.numbers) == 0 {
		return nil
	}
	if _, err := conn.ExecContext(ctx, "CREATE TEMP TABLE "+loaded.relation+" (k BIGINT)"); err != nil {
		return classify(err)
	}
	f.vectors = loaded
	return classify(conn.Raw(func(raw any) (err error) {
		appender, err := duckdb.NewAppender(raw.(driver.Conn), "temp", "", loaded.relation)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, appender.Close()) }()
		t := delta.Open(f.dir)
		for add, number := range loaded.numbers {
			if err := errors.Join(ctx.Err(), appendRows(appender, t, add, int64(number)<<rowBits)); err != nil {
				return err
			}
		}
		return nil
	}))
}

func appendRows(appender *duckdb.Appender, t *delta.Table, add *delta.Add, base int64) error {
	rows, err := t.DeletedRows(add)
	if err != nil {
		return err
	}
	for all := rows.Iterator(); all.HasNext(); {
		if err := appender.AppendRow(base | int64(all.Next())); err != nil {
			return err
		}
	}
	return nil
}

// key is the expression of k for the rows of a scan of those files.
func (v vectors) key(adds []*delta.Add) string {
	indexes, numbers := make([]int, len(adds)), make([]int, len(adds))
	for i, add := range adds {
		indexes[i], numbers[i] = i, v.numbers[add]
	}
	return fmt.Sprintf("((%s) << %d) | %s", numberOf(indexes, numbers), rowBits, fileRow)
}

// without takes the deleted rows out of a scan of those files. A scan that comes before loadVectors fails: it would bring deleted rows back.
func (v vectors) without(scan string, adds []*delta.Add, columns []string) string {
	for _, add := range adds {
		if _, loaded := v.numbers[add]; !loaded {
			return fmt.Sprintf("SELECT error(%s)", table.Literal("the deletion vector of "+add.Path+" is not loaded"))
		}
	}
	names := table.QuoteAll(columns, table.DoubleQuote)
	return fmt.Sprintf("SELECT %s, __f, __n FROM (%s) __s ANTI JOIN %s ON k = __k", strings.TrimSuffix(names, ", "), scan, v.relation)
}
