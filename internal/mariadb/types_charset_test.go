package mariadb

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestCharacterSetsLoseNoCharacter stores every byte and pair of bytes that each character set of the server takes, between
// question marks: what is read is what the server makes of it where it makes a character of each, and a mark where not.
func TestCharacterSetsLoseNoCharacter(t *testing.T) {
	f := newFixture(t)
	db := f.open().db
	var names string
	require.NoError(t, db.QueryRow("select group_concat(character_set_name) from information_schema.character_sets").Scan(&names))
	checked := 0
	for charset := range strings.SplitSeq(names, ",") {
		if charset == "binary" || unchecked(charset) || strings.HasPrefix(charset, "utf") || charset == "ucs2" {
			continue // read as it is stored, or part of Unicode
		}
		checked++
		f.exec("create table "+charset+" (id int primary key, v varchar(20) character set "+charset+") engine=memory",
			"insert ignore into "+charset+" select seq, concat(x'3f', unhex(if(seq < 256, lpad(hex(seq), 2, '0'), hex(seq))), x'3f') from seq_0_to_65535"+
				" where seq < 256 or seq > 32768 and seq % 256 >= 64 and (select maxlen > 1 from information_schema.character_sets where character_set_name = '"+charset+"')",
			"delete from "+charset+" where hex(v) <> concat('3F', if(id < 256, lpad(hex(id), 2, '0'), hex(id)), '3F')", // what the set does not take
			"insert into "+charset+" values (-1, null), (-2, ''), (-3, '????')")
		lost := lostCharacters(t, db, charset)
		assert.Equal(t, slices.Contains(wholeCharsets, charset), lost == 0, "%s has %d bytes that are no characters", charset, lost)
	}
	assert.Greater(t, checked, 30)
}

// lostCharacters compares what is read of a table of a character set with what the server sends, and counts what is no character.
func lostCharacters(t *testing.T, db *sql.DB, charset string) (lost int) {
	t.Helper()
	rows, err := db.Query("select id, coalesce(convert(v using utf8mb4), 'NULL'), coalesce(" +
		columnSQL(table.SourceColumn{Source: "v", SourceType: "varchar(20)", Charset: charset, Type: table.String}) + ", 'NULL') from " + charset)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id int
		var sent, read string
		require.NoError(t, rows.Scan(&id, &sent, &read))
		if id >= 0 && id != '?' && strings.ContainsAny(sent[1:len(sent)-1], "?\uFFFD") {
			lost++
			sent = "\xff"
		}
		if sent != read {
			assert.Fail(t, "a text is not exact", "%x in %s is read as %q, not %q", id, charset, read, sent)
		}
	}
	require.NoError(t, rows.Err())
	return lost
}

// TestLostCharactersFailTheirTable has the UTF-8 of a text where the column is in Windows' cp1251, as old programs store it.
func TestLostCharactersFailTheirTable(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v varchar(20) character set cp1251, w text character set gbk)",
		"insert into t values (1, 'Да?', '中文?'), (2, _cp1251 x'd094d0b0', null), (3, _cp1251 x'd098', null)")
	_, err := f.try(table.Spec{Name: "t"}, "", "", "")
	require.ErrorIs(t, err, ErrValue)
	for _, text := range []string{`column "v"`, "a value in cp1251", "no character", "correct it at the source"} {
		require.ErrorContains(t, err, text)
	}
	_, rows := f.run(table.Spec{Name: "t", Where: "id < 3"}, "")
	assert.Equal(t, [][]string{{"1", "Да?", "中文?"}, {"2", "Р”Р°", "(null)"}}, rows)
	_, rows = f.run(table.Spec{Name: "t", Types: map[string]table.Type{"v": table.Binary}}, "")
	assert.Equal(t, []string{"3", "0Jg=", "(null)"}, rows[2], "the bytes as they are stored")
}

// TestLostCharactersOfLabelsFailTheirTable has labels that the server sends as question marks, and others that it does not.
func TestLostCharactersOfLabelsFailTheirTable(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, e enum(x'98', 'Да?') character set cp1251, s set(x'98', 'б', 'в?') character set cp1251,"+
		" u enum('é', '') character set utf8mb3)",
		"insert into t values (1, 2, 6, 1), (2, null, 0, 2), (3, 1, 0, null), (4, null, 1, null)")
	_, rows := f.run(table.Spec{Name: "t", Where: "id < 3"}, "")
	assert.Equal(t, [][]string{{"1", "Да?", "б,в?", "é"}, {"2", "(null)", "", ""}}, rows)
	for _, id := range []string{"3", "4"} {
		_, err := f.try(table.Spec{Name: "t", Where: "id = " + id}, "", "", "")
		require.ErrorIs(t, err, ErrValue)
		require.ErrorContains(t, err, "no character")
	}
}
