package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// sourceTable is what a client's server says of one table.
type sourceTable struct {
	columns []sourceColumn
	primary []string // source names, in the key's order
	comment string
}

type sourceColumn struct {
	name, columnType, comment string
	charset                   string // of texts
	nullable                  bool
	rowEnd                    bool // of a system-versioned table: when a row's version ends
}

// catalog asks for all tables at once: columns in one query, keys and comments in another. A table
// that does not exist, or that the user may not read, is not in the result.
func (s *Source) catalog(ctx context.Context, names []string) (map[string]*sourceTable, error) {
	tables := make(map[string]*sourceTable, len(names))
	fold, err := s.foldsTableNames(ctx)
	if err != nil {
		return nil, err
	}
	lookup := func(name string) *sourceTable {
		for _, wanted := range names {
			if wanted == name || fold && strings.EqualFold(wanted, name) {
				if tables[wanted] == nil {
					tables[wanted] = &sourceTable{}
				}
				return tables[wanted]
			}
		}
		return nil
	}
	if err := s.readColumns(ctx, names, lookup); err != nil {
		return nil, err
	}
	return tables, s.readKeys(ctx, names, lookup)
}

func (s *Source) foldsTableNames(ctx context.Context) (bool, error) {
	var lower int
	err := s.db.QueryRowContext(ctx, "SELECT @@lower_case_table_names").Scan(&lower)
	return lower != 0, err
}

// inTables builds the condition that picks the client's tables, with its parameters.
func (s *Source) inTables(alias string, names []string) (condition string, args []any) {
	args = append(args, s.client.Database)
	for _, name := range names {
		args = append(args, name)
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(names)), ", ")
	return fmt.Sprintf("%[1]s.TABLE_SCHEMA = ? AND %[1]s.TABLE_NAME IN (%[2]s)", alias, marks), args
}

func (s *Source) readColumns(ctx context.Context, names []string, lookup func(string) *sourceTable) error {
	condition, args := s.inTables("c", names)
	return s.each(ctx, "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_TYPE, c.IS_NULLABLE = 'YES', c.COLUMN_COMMENT, c.CHARACTER_SET_NAME,"+
		" c.GENERATION_EXPRESSION = 'ROW END'"+
		" FROM information_schema.COLUMNS c WHERE "+condition+" ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION", args,
		func(rows *sql.Rows) error {
			var name string
			var comment, charset sql.NullString
			var rowEnd sql.NullBool
			var c sourceColumn
			if err := rows.Scan(&name, &c.name, &c.columnType, &c.nullable, &comment, &charset, &rowEnd); err != nil {
				return err
			}
			c.comment, c.charset, c.rowEnd = comment.String, charset.String, rowEnd.Bool
			if t := lookup(name); t != nil {
				t.columns = append(t.columns, c)
			}
			return nil
		})
}

func (s *Source) readKeys(ctx context.Context, names []string, lookup func(string) *sourceTable) error {
	condition, args := s.inTables("t", names)
	args = append([]any{s.client.Database}, args...) // the join's own schema comes first: without it, every schema is read
	return s.each(ctx, "SELECT t.TABLE_NAME, t.TABLE_TYPE, t.TABLE_COMMENT, k.COLUMN_NAME FROM information_schema.TABLES t"+
		" LEFT JOIN information_schema.STATISTICS k ON k.TABLE_SCHEMA = ? AND k.TABLE_NAME = t.TABLE_NAME"+
		" AND k.INDEX_NAME = 'PRIMARY' WHERE "+condition+" ORDER BY t.TABLE_NAME, k.SEQ_IN_INDEX", args,
		func(rows *sql.Rows) error {
			var name, kind string
			var comment, key sql.NullString
			if err := rows.Scan(&name, &kind, &comment, &key); err != nil {
				return err
			}
			t := lookup(name)
			if t == nil {
				return nil
			}
			if key.Valid {
				t.primary = append(t.primary, key.String)
			}
			if !strings.Contains(kind, "VIEW") { // a view's comment is "VIEW"
				t.comment = comment.String
			}
			return nil
		})
}

func (s *Source) tableNames(ctx context.Context) (names []string, err error) {
	err = s.each(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?", []any{s.client.Database},
		func(rows *sql.Rows) error {
			var name string
			err := rows.Scan(&name)
			names = append(names, name)
			return err
		})
	return names, err
}

func (s *Source) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
