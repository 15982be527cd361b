package sparksql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"tributary/internal/lake"
)

// Query implements lake.Lake. The SELECT stands in parentheses, so that no other kind of statement parses; what it may
// read is up to the account's grants. At an earlier point, the central tables that it names are read as they were
// then, through WITH; it must name them without their schema.
func (l *Lake) Query(ctx context.Context, schema, query string, at lake.At) (lake.Rows, error) {
	query = strings.TrimRight(strings.TrimSpace(query), "; \n\t")
	tables, err := l.earlier(ctx, schema, query, at)
	if err != nil {
		return nil, err
	}
	ctx, cancel := l.statementContext(ctx)
	conn, err := l.inSchema(ctx, schema)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("query: %w", l.translate(ctx, err))
	}
	inner, err := conn.QueryContext(ctx, tables+enclosed(query))
	if err != nil {
		err = errors.Join(l.explainQuery(ctx, schema, l.failed(ctx, err)), ignoreClosed(conn.Close()))
		cancel()
		return nil, err
	}
	closeAll := func() error {
		err := errors.Join(inner.Close(), ignoreClosed(conn.Close()))
		cancel()
		return err
	}
	r, err := l.newRows(ctx, inner, closeAll)
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	return r, nil
}

// inSchema takes a session whose current schema is the given one. Every other statement writes tables with their
// schema, so that it does not matter what a session's is afterwards.
func (l *Lake) inSchema(ctx context.Context, schema string) (*sql.Conn, error) {
	for n := 1; ; n++ {
		conn, err := l.db.Conn(ctx)
		if err != nil {
			return nil, l.failed(ctx, err)
		}
		_, err = conn.ExecContext(ctx, "USE "+schemaName(schema))
		if err == nil {
			return conn, nil
		}
		lost := errors.Is(err, driver.ErrBadConn) // closed by then
		if err = l.failed(ctx, err); !lost || n > maxConnections {
			return nil, errors.Join(err, ignoreClosed(conn.Close()))
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

// explainQuery names the tables that there are when a query names one that is not.
func (l *Lake) explainQuery(ctx context.Context, schema string, err error) error {
	if is(err, []string{"PARSE_SYNTAX_ERROR"}) {
		return fmt.Errorf("query: it is not one SELECT, or its syntax is wrong: %w", err)
	}
	translated := l.translate(ctx, err)
	if !errors.Is(translated, lake.ErrNotFound) {
		return fmt.Errorf("query: %w", translated)
	}
	names, listErr := l.Tables(ctx, schema)
	if listErr != nil {
		return fmt.Errorf("query: %w", translated)
	}
	if len(names) == 0 {
		names = []string{"no tables"}
	}
	return fmt.Errorf("query: %w; schema %s has %s", translated, schema, strings.Join(names, ", "))
}

// earlier is the WITH that shows a query the tables as they were; "" for now.
func (l *Lake) earlier(ctx context.Context, schema, query string, at lake.At) (string, error) {
	if at.Version == nil && at.Time.IsZero() {
		return "", nil
	}
	names, err := l.Tables(ctx, schema)
	if err != nil {
		return "", err
	}
	var read []namedVersion
	words := wordsOf(query)
	inner := schema[strings.LastIndexByte(schema, '.')+1:]
	for _, name := range names {
		named, qualified := words.mentions(inner, name)
		if qualified {
			return "", fmt.Errorf("query: write %s without its schema to read it as it was", name)
		}
		if named {
			version, err := l.versionAt(ctx, schema, name, at)
			if err != nil {
				return "", fmt.Errorf("query: table %s.%s: %w", schema, name, l.translate(ctx, err))
			}
			read = append(read, namedVersion{name, version})
		}
	}
	return atVersions(schema, read), nil
}

// namedVersion is a version of a table.
type namedVersion struct {
	name    string
	version int64
}

// atVersions is the WITH that hides tables behind versions of themselves; "" for none.
func atVersions(schema string, read []namedVersion) string {
	if len(read) == 0 {
		return ""
	}
	views := make([]string, len(read))
	for i, r := range read {
		views[i] = fmt.Sprintf("%s AS (SELECT * FROM %s VERSION AS OF %d)", quote(r.name), tableName(schema, r.name), r.version)
	}
	return "WITH " + strings.Join(views, ", ") + "\n"
}

// enclosed is a query that can be nothing but one.
func enclosed(query string) string { return "(" + query + "\n)" }

// versionAt is a table's version at a point. TIMESTAMP AS OF is not used: it is hours off where the zone of the server's
// Java is not the session's (measured with Delta 4.0.0).
func (l *Lake) versionAt(ctx context.Context, schema, name string, at lake.At) (int64, error) {
	commits, err := l.history(ctx, schema, name, 0)
	if at.Version != nil && err == nil {
		if len(commits) == 0 || *at.Version > commits[0].Version || *at.Version < commits[len(commits)-1].Version {
			return 0, fmt.Errorf("%w: it has no version %d", lake.ErrNotFound, *at.Version)
		}
		return *at.Version, nil
	}
	for _, commit := range commits {
		if !commit.Time.After(at.Time) {
			return commit.Version, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("%w: it has no version as old as %s", lake.ErrNotFound, at.Time.UTC().Format("2006-01-02 15:04:05.000"))
	}
	return 0, err
}

// words are the identifiers and dots of a query; texts in quotes and comments are left out.
type words []string

// mentions says whether a table is among the words, and whether it stands there with its schema. A name that is a
// column's too only costs a view that is not used.
func (w words) mentions(schema, name string) (named, qualified bool) {
	for i, word := range w {
		if !strings.EqualFold(word, name) {
			continue
		}
		named = true
		qualified = qualified || i >= 2 && w[i-1] == "." && strings.EqualFold(w[i-2], schema)
	}
	return named, qualified
}

func wordsOf(query string) words {
	var all words
	for query != "" {
		r, size := utf8.DecodeRuneInString(query)
		switch {
		case r == '\'' || r == '"':
			query = query[textEnd(query):]
		case r == '`':
			end := strings.IndexByte(query[1:], '`')
			if end < 0 {
				return all
			}
			all, query = append(all, query[1:1+end]), query[end+2:]
		case strings.HasPrefix(query, "--"):
			_, query, _ = strings.Cut(query, "\n")
		case strings.HasPrefix(query, "/*"):
			_, query, _ = strings.Cut(query, "*/")
		case isWord(r):
			end := strings.IndexFunc(query, func(r rune) bool { return !isWord(r) })
			if end < 0 {
				end = len(query)
			}
			all, query = append(all, query[:end]), query[end:]
		default:
			if r == '.' {
				all = append(all, ".")
			}
			query = query[size:]
		}
	}
	return all
}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// textEnd is where the text in quotes ends with which a query begins.
func textEnd(query string) int {
	for i := 1; i < len(query); i++ {
		switch query[i] {
		case '\\':
			i++
		case query[0]:
			return i + 1
		}
	}
	return len(query)
}

// Exec implements lake.Executor.
func (l *Lake) Exec(ctx context.Context, schema, text string) error {
	ctx, cancel := l.statementContext(ctx)
	defer cancel()
	conn, err := l.inSchema(ctx, schema)
	if err != nil {
		return l.translate(ctx, err)
	}
	defer conn.Close()
	inner, err := conn.QueryContext(ctx, text)
	if err != nil {
		return l.translate(ctx, l.failed(ctx, err))
	}
	err = errors.Join(inner.Err(), inner.Close()) //nolint:sqlclosecheck // its error is wanted, and nothing comes between
	return l.translate(ctx, l.failed(ctx, err))
}
