package local

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"tributary/internal/table"
)

// openDuckDB opens an in-memory DuckDB with the lake's limits, and settings of the database beyond those. Connections are never reused, so that
// temporary tables end with the call that made them.
func openDuckDB(ctx context.Context, options Options, more ...string) (*sql.DB, error) {
	settings := append([]string{
		"SET memory_limit = " + table.Literal(options.MemoryLimit),
		"SET temp_directory = " + table.Literal(options.TempDir),
		"SET preserve_insertion_order = false",
		"SET enable_geoparquet_conversion = false",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
	}, more...)
	if options.Threads > 0 {
		settings = append(settings, fmt.Sprintf("SET threads = %d", options.Threads))
	}
	var once sync.Once
	connecting := context.WithoutCancel(ctx) // a worker that stops still finishes what it merges
	connector, err := duckdb.NewConnector("", func(execer driver.ExecerContext) (err error) {
		// Of the database: some cannot be set again once used, and a query that others plan meanwhile reads them without a lock, and crashes the process.
		once.Do(func() { err = setAll(connecting, execer, settings) })
		if err != nil {
			return err
		}
		return setAll(connecting, execer, []string{"SET SESSION TimeZone = 'UTC'"}) // of the connection
	})
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(-1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// joinAsWritten keeps the order of joins: the right side is the one in memory. The optimizer guesses sizes from
// few statistics, and a wrong guess puts the whole table there.
const joinAsWritten = "SET GLOBAL disabled_optimizers = 'join_order,build_side_probe_side'"

func setAll(ctx context.Context, execer driver.ExecerContext, settings []string) error {
	for _, setting := range settings {
		if _, err := execer.ExecContext(ctx, setting, nil); err != nil {
			return fmt.Errorf("%s: %w", setting, err)
		}
	}
	return nil
}

// session is one DuckDB connection, with its temporary tables and its folder for output.
type session struct {
	conn  *sql.Conn
	work  string
	empty string // see files
}

const workPrefix = "work-"

func (l *Lake) session(ctx context.Context) (*session, error) { return l.sessionOf(ctx, l.db) }

func (l *Lake) sessionOf(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// On the lake's own file system, so that finished files move into their table by rename.
	work, err := os.MkdirTemp(filepath.Join(l.dir, tempDir), workPrefix)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &session{conn: conn, work: work, empty: l.emptyFile()}, nil
}

func (s *session) close() {
	s.conn.Close()
	os.RemoveAll(s.work)
}

func (s *session) exec(ctx context.Context, query string) error {
	_, err := s.conn.ExecContext(ctx, query)
	return classify(err)
}

// each calls row with the values of every row; they are only valid during the call.
func (s *session) each(ctx context.Context, query string, row func(v []any) error) error {
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := row(values); err != nil {
			return err
		}
	}
	return classify(rows.Err())
}

// integer reads a count or an index, whatever integer type DuckDB gave it; NULL is 0.
func integer(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	case uint64:
		return int64(n)
	case int:
		return int64(n)
	case interface{ Int64() int64 }: // HUGEINT, the type of sums
		return n.Int64()
	}
	return 0
}

func quote(name string) string { return table.Quote(name, table.DoubleQuote) }

// list writes items as an SQL list.
func list(items []string) string { return "[" + strings.Join(items, ", ") + "]" }

func literals(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = table.Literal(text)
	}
	return list(quoted)
}
