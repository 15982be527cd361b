package steps

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"
	"github.com/google/uuid"

	"tributary/internal/table"
)

const (
	defaultMemory  = 512 << 20
	defaultThreads = 2
)

// disabledOptimizers would push projections and filters down into a scan of Arrow batches. DuckDB's C
// interface to Arrow claims to support that, and then ignores them: columns would take the values of their neighbours, and
// filters would pass every row (DuckDB 1.5.4). A pass names the columns that it needs instead.
const disabledOptimizers = "unused_columns,filter_pushdown,join_filter_pushdown,late_materialization,top_n"

// engine is a DuckDB instance, with one connection for one step. Its configuration is locked, and of the
// outside world it reaches one folder only.
type engine struct {
	db    *sql.DB
	conn  *sql.Conn
	spill string
}

// openEngine starts an engine that may use dir; with dir "", it may use no files at all.
func openEngine(ctx context.Context, dir string, limits Limits) (*engine, error) {
	memory, threads := limits.Memory, limits.Threads
	if memory <= 0 {
		memory = defaultMemory
	}
	if threads <= 0 {
		threads = defaultThreads
	}
	connector, err := duckdb.NewConnector("?autoinstall_known_extensions=false&autoload_known_extensions=false", nil)
	if err != nil {
		return nil, fmt.Errorf("start DuckDB: %w", err)
	}
	e := &engine{db: sql.OpenDB(connector)}
	e.db.SetMaxIdleConns(0) // a connection ends with its step, and with it variables, views and temporary tables
	settings := []string{
		fmt.Sprintf("SET memory_limit = '%dB'", memory),
		fmt.Sprintf("SET threads = %d", threads),
		"SET GLOBAL TimeZone = 'UTC'",
		"SET GLOBAL disabled_optimizers = " + table.Literal(disabledOptimizers),
	}
	if dir == "" {
		settings = append(settings, "SET temp_directory = ''")
	} else {
		e.spill = filepath.Join(dir, "spill-"+uuid.NewString())
		settings = append(settings,
			"SET allowed_directories = ["+table.Literal(dir)+"]",
			"SET temp_directory = "+table.Literal(e.spill))
	}
	settings = append(settings, "SET enable_external_access = false", "SET lock_configuration = true")
	if e.conn, err = e.db.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start DuckDB: %w", err), e.close())
	}
	if err := e.exec(ctx, strings.Join(settings, ";")); err != nil {
		return nil, errors.Join(fmt.Errorf("start DuckDB: %w", err), e.close())
	}
	return e, nil
}

// close stops the engine and removes what it spilled.
func (e *engine) close() error {
	var err error
	if e.conn != nil {
		err = e.conn.Close()
	}
	err = errors.Join(err, e.db.Close())
	if e.spill != "" {
		err = errors.Join(err, os.RemoveAll(e.spill))
	}
	return err
}

// view makes reader a view; it can be read once, and is gone after release.
func (e *engine) view(name string, reader array.RecordReader) (release func(), err error) {
	err = e.conn.Raw(func(c any) error {
		conn, ok := c.(driver.Conn)
		if !ok {
			return fmt.Errorf("unexpected connection %T", c)
		}
		arrows, err := duckdb.NewArrowFromConn(conn)
		if err != nil {
			return err
		}
		release, err = arrows.RegisterView(reader, name)
		return err
	})
	return release, err
}

// row runs a query that returns one row, and scans it.
func (e *engine) row(ctx context.Context, query string, dest ...any) error {
	return e.conn.QueryRowContext(ctx, query).Scan(dest...)
}

func (e *engine) exec(ctx context.Context, query string, args ...any) error {
	_, err := e.conn.ExecContext(ctx, query, args...)
	return err
}
