package mariadb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"tributary/internal/table"
)

// tableSize is what the server's statistics say of a table; rows and bytes are estimates.
type tableSize struct {
	rows, bytes int64
	created     string      // when it was created or last altered, to the second; "" where the server does not say
	key         []keyColumn // the leading columns of the primary key by which the table can be cut; empty: by none
}

// keyColumn is a column of the primary key.
type keyColumn struct {
	name    string // as the source has it
	kind    keyKind
	charset string // of text
	scale   int    // of decimals
}

// keyKind is how values of a key column are written and what lies between two of them.
type keyKind int

const (
	keyNone    keyKind = iota // cannot be cut
	keyInteger                // decimal digits
	keyDecimal                // digits with the column's scale
	keyDate                   // 2006-01-02
	keyTime                   // 2006-01-02 15:04:05.000000
	keyText                   // hex of the column's own encoding
	keyBinary                 // hex
	keyUUID                   // as MariaDB writes it
)

var keyKinds = map[string]keyKind{
	"tinyint": keyInteger, "smallint": keyInteger, "mediumint": keyInteger, "int": keyInteger, "bigint": keyInteger, "year": keyInteger,
	"decimal": keyDecimal, "date": keyDate, "datetime": keyTime, "timestamp": keyTime,
	"char": keyText, "varchar": keyText, "binary": keyBinary, "varbinary": keyBinary, "uuid": keyUUID,
}

func (c keyColumn) quoted() string { return table.Quote(c.name, table.Backtick) }

// shown is the column as SQL that returns its value in the text that literal takes.
func (c keyColumn) shown(column string) string {
	if c.kind == keyText || c.kind == keyBinary {
		return "HEX(" + column + ")"
	}
	return "CAST(" + column + " AS CHAR)"
}

var literals = map[keyKind]*regexp.Regexp{
	keyInteger: regexp.MustCompile(`^-?[0-9]+$`),
	keyDecimal: regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`),
	keyDate:    regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`),
	keyTime:    regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]{8,15}$`),
	keyText:    regexp.MustCompile(`^([0-9A-F]{2})*$`),
	keyBinary:  regexp.MustCompile(`^([0-9A-F]{2})*$`),
	keyUUID:    regexp.MustCompile(`^[0-9a-f-]{36}$`),
}

// literal is a value as SQL of the column's own type and character set. A parameter has the connection's: it would
// compare decimals as doubles, and texts in another order than the index has. A date that is none is the server's
// error, where a text would be NULL and lose rows without a word.
func (c keyColumn) literal(value string) (string, error) {
	if rule := literals[c.kind]; rule == nil || !rule.MatchString(value) {
		return "", fmt.Errorf("key column %q has a value that is none of its type", c.name)
	}
	switch c.kind {
	case keyDate:
		return "DATE'" + value + "'", nil
	case keyTime:
		return "TIMESTAMP'" + value + "'", nil
	case keyText:
		return "_" + c.charset + " x'" + value + "'", nil
	case keyBinary:
		return "x'" + value + "'", nil
	case keyUUID:
		return "'" + value + "'", nil
	}
	return value, nil
}

// ascii is text as a literal that the server converts to the column's character set.
func ascii(text string) string {
	return "_utf8mb4 x'" + strings.ToUpper(hex.EncodeToString([]byte(text))) + "'"
}

var charsetName = regexp.MustCompile(`^[a-z0-9_]+$`)

// size asks for the table's statistics and its primary key. It reads no rows.
func (e *extraction) size(ctx context.Context) (tableSize, error) {
	size, cuttable, err := e.statistics(ctx)
	if err != nil || !cuttable {
		return size, err
	}
	// Both sides of the join name the table: information_schema is otherwise read for every table there is.
	rows, err := e.session.conn.QueryContext(ctx, "SELECT k.TABLE_NAME, k.COLUMN_NAME, c.DATA_TYPE, c.COLUMN_TYPE, c.CHARACTER_SET_NAME, k.SUB_PART"+
		" FROM information_schema.STATISTICS k JOIN information_schema.COLUMNS c ON c.COLUMN_NAME = k.COLUMN_NAME AND c.TABLE_NAME = k.TABLE_NAME"+
		" WHERE k.TABLE_SCHEMA = ? AND k.TABLE_NAME = ? AND k.INDEX_NAME = 'PRIMARY' AND c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ?"+
		" ORDER BY k.SEQ_IN_INDEX", e.client.Database, e.req.Spec.Name, e.client.Database, e.req.Spec.Name)
	if err != nil {
		return size, err
	}
	defer func() { _ = rows.Close() }()
	cut := false
	for rows.Next() {
		c, usable, err := scanKeyColumn(rows, e.req.Spec.Name)
		if err != nil {
			return size, err
		}
		if cut = cut || !usable; !cut {
			size.key = append(size.key, c)
		}
	}
	return size, rows.Err()
}

// scanKeyColumn says that a column is not usable where nothing can be cut by it; it ends the part of the key that is used.
func scanKeyColumn(rows *sql.Rows, table string) (c keyColumn, usable bool, err error) {
	var of, base, full string
	var charset sql.NullString
	var part sql.NullInt64
	if err := rows.Scan(&of, &c.name, &base, &full, &charset, &part); err != nil {
		return c, false, err
	}
	c.kind, c.charset, c.scale = keyKinds[strings.ToLower(base)], charset.String, parseType(full).arg(1, 0)
	if c.kind == keyText && !charsetName.MatchString(c.charset) {
		c.kind = keyNone
	}
	return c, c.kind != keyNone && !part.Valid && of == table, nil
}

// statistics returns the estimates, and whether the table can be cut at all: only InnoDB tables, whose rows lie in the
// order of the primary key and which other connections may read and write meanwhile.
func (e *extraction) statistics(ctx context.Context) (size tableSize, cuttable bool, err error) {
	var kind string
	var engine, created sql.NullString
	var count, bytes sql.NullInt64
	err = e.session.conn.QueryRowContext(ctx, "SELECT TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, CREATE_TIME FROM information_schema.TABLES"+
		" WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", e.client.Database, e.req.Spec.Name).Scan(&kind, &engine, &count, &bytes, &created)
	if err != nil {
		return size, false, err
	}
	size.rows, size.bytes, size.created = count.Int64, bytes.Int64, created.String
	return size, !strings.Contains(kind, "VIEW") && strings.EqualFold(engine.String, "InnoDB"), nil
}
