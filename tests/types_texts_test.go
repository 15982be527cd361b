package tests

import (
	"fmt"
	"strings"

	"tributary/internal/table"
)

const odd = "a'b\"c`d\\e\tf\ng\x00h\u2028 ü☕👩‍👩‍👧" // as the lake has it

const oddSQL = `'a\'b"c` + "`" + `d\\e\tf\ng\0h` + "\u2028 ü☕👩‍👩‍👧'"

var textKinds = []kind{
	{"char(40)", table.String, [][2]string{{"''", ""}, {"'a  '", "a"}, {"'  a'", "  a"}, {oddSQL, odd}}}, // a CHAR has no trailing spaces
	{"varchar(200)", table.String, [][2]string{{"''", ""}, {"'a  '", "a  "}, {"' '", " "}, {oddSQL, odd}, {"'NULL'", "NULL"}, {"repeat('ü', 200)", strings.Repeat("ü", 200)}}},
	{"tinytext", table.String, [][2]string{{"''", ""}, {"repeat('x', 255)", strings.Repeat("x", 255)}, {oddSQL, odd}}},
	{"text", table.String, [][2]string{{"''", ""}, {"repeat('ü', 32767)", strings.Repeat("ü", 32767)}, {oddSQL, odd}}},
	{"mediumtext", table.String, [][2]string{{"''", ""}, {"repeat('☕', 30000)", strings.Repeat("☕", 30000)}, {oddSQL, odd}}},
	{"longtext", table.String, [][2]string{{"''", ""}, {oddSQL, odd}}},
	{"varchar(100) compressed", table.String, [][2]string{{"''", ""}, {"repeat('z', 100)", strings.Repeat("z", 100)}}},
	{"longtext compressed", table.String, [][2]string{{"''", ""}, {"repeat('ö', 5000)", strings.Repeat("ö", 5000)}}},
	{"varchar(20) collate utf8mb4_bin", table.String, [][2]string{{"'é👍'", "é👍"}, {"'e\u0301'", "e\u0301"}}}, // as written, not normalised
	{"varchar(20) collate utf8mb4_turkish_ci", table.String, [][2]string{{"'Iıİi'", "Iıİi"}}},
	{"varchar(20) charset utf8mb3", table.String, [][2]string{{"'ü☕￿'", "ü☕\uffff"}, {"''", ""}}},
	{"varchar(20) charset latin1", table.String, [][2]string{{"_latin1 x'e98081a0ff00'", "é€\u0081\u00a0ÿ\x00"}, {"'ß  '", "ß  "}}}, // MariaDB's latin1 is cp1252, 81 included
	{"text charset latin1 collate latin1_german2_ci", table.String, [][2]string{{"_latin1 x'8d8f909d'", "\u008d\u008f\u0090\u009d"}}},
	{"varchar(20) charset latin2", table.String, [][2]string{{"'Łódź'", "Łódź"}}},
	{"varchar(20) charset cp1250", table.String, [][2]string{{"'Žluť'", "Žluť"}}},
	{"varchar(20) charset cp1251", table.String, [][2]string{{"'Привет'", "Привет"}}},
	{"varchar(20) charset koi8r", table.String, [][2]string{{"'Привет'", "Привет"}}},
	{"varchar(20) charset greek", table.String, [][2]string{{"'Ωμέγα'", "Ωμέγα"}}},
	{"varchar(20) charset hebrew", table.String, [][2]string{{"'שלום'", "שלום"}}},
	{"varchar(20) charset tis620", table.String, [][2]string{{"'ไทย'", "ไทย"}}},
	{"varchar(20) charset cp932", table.String, [][2]string{{"'日本①ｱ'", "日本①ｱ"}}},
	{"varchar(20) charset ujis", table.String, [][2]string{{"'日本'", "日本"}}},
	{"varchar(20) charset gbk", table.String, [][2]string{{"'中文'", "中文"}}},
	{"varchar(20) charset big5", table.String, [][2]string{{"'中文'", "中文"}}},
	{"varchar(20) charset euckr", table.String, [][2]string{{"'한국'", "한국"}}},
	{"varchar(20) charset ascii", table.String, [][2]string{{"'plain'", "plain"}}},
	{"varchar(20) charset ucs2", table.String, [][2]string{{"'ü☕'", "ü☕"}, {"''", ""}}},
	{"char(9) charset ucs2", table.String, [][2]string{{"'ü '", "ü"}}},
	{"varchar(20) charset utf16", table.String, [][2]string{{"'ü☕👍'", "ü☕👍"}}},
	{"text charset utf16le", table.String, [][2]string{{"'ü☕👍'", "ü☕👍"}}},
	{"varchar(20) charset utf32", table.String, [][2]string{{"'ü☕👍'", "ü☕👍"}}},
}

var setOf64 = func() string {
	labels := make([]string, 64)
	for i := range labels {
		labels[i] = fmt.Sprintf("l%d", i)
	}
	return strings.Join(labels, ",")
}()

var otherKinds = []kind{
	{`enum('a,b','it''s','"q"','','1','NULL','ünï☕',' x','\\')`, table.String, [][2]string{{"'a,b'", "a,b"}, {"'it''s'", "it's"}, {`'"q"'`, `"q"`}, {"''", ""}, {"5", "1"}, {"'NULL'", "NULL"}, {"'ünï☕'", "ünï☕"}, {"' x'", " x"}, {`'\\'`, `\`}, {"0", ""}}}, // 0 is the error value
	{"enum('ä','ö') charset latin1", table.String, [][2]string{{"'ä'", "ä"}, {"2", "ö"}}},
	{`set('x y','"',' lead','1','ü☕')`, table.String, [][2]string{{"''", ""}, {`'ü☕,x y'`, "x y,ü☕"}, {"31", `x y,", lead,1,ü☕`}, {"8", "1"}}},
	{"set('" + strings.ReplaceAll(setOf64, ",", "','") + "')", table.String, [][2]string{{"18446744073709551615", setOf64}, {"9223372036854775808", "l63"}, {"0", ""}}},
	{"json", table.String, [][2]string{
		{`'{"n": 12345678901234567890123, "a": 1, "a": 2, "f": 1.10, "e": 1E+2}'`, `{"n": 12345678901234567890123, "a": 1, "a": 2, "f": 1.10, "e": 1E+2}`},
		{`'"\\u00e9\\ud83d\\ude00 \\/"'`, `"\u00e9\ud83d\ude00 \/"`}, {`' [ 1 ,2 ] '`, " [ 1 ,2 ] "}, {"'null'", "null"}, {`'"👍"'`, `"👍"`}, {"'{}'", "{}"},
	}},
	{"uuid", table.String, [][2]string{{"'FFFFFFFF-ffff-ffff-ffff-ffffffffffff'", "ffffffff-ffff-ffff-ffff-ffffffffffff"}, {"'00000000-0000-0000-0000-000000000000'", "00000000-0000-0000-0000-000000000000"}, {"'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"}}},
	{"inet4", table.String, [][2]string{{"'0.0.0.0'", "0.0.0.0"}, {"'255.255.255.255'", "255.255.255.255"}, {"'192.168.0.1'", "192.168.0.1"}}},
	{"inet6", table.String, [][2]string{{"'::'", "::"}, {"'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, {"'::ffff:10.0.0.1'", "::ffff:10.0.0.1"}, {"'2001:DB8::1'", "2001:db8::1"}}},
	{"binary(4)", table.Binary, [][2]string{{"x'61'", "61000000"}, {"x'ffffffff'", "FFFFFFFF"}, {"''", "00000000"}, {"x'20202020'", "20202020"}}},
	{"varbinary(300)", table.Binary, [][2]string{{"''", ""}, {"x'00ff0000'", "00FF0000"}, {"x'c328'", "C328"}, {"x'2020'", "2020"}}},
	{"varchar(20) charset binary", table.Binary, [][2]string{{"x'81ff'", "81FF"}}},
	{"tinyblob", table.Binary, [][2]string{{"''", ""}, {"repeat(x'fe', 255)", strings.Repeat("FE", 255)}}},
	{"blob", table.Binary, [][2]string{{"x'5c'", "5C"}, {"repeat(x'00', 65535)", strings.Repeat("00", 65535)}}},
	{"mediumblob", table.Binary, [][2]string{{"repeat(x'ff00', 40000)", strings.Repeat("FF00", 40000)}}},
	{"longblob compressed", table.Binary, [][2]string{{"''", ""}, {"repeat(x'00', 3000)", strings.Repeat("00", 3000)}}},
}

const (
	wkbPoint   = "0101000000000000000000F03F00000000000004C0" // 1 -2.5
	wkbLine    = "010200000002000000" + "00000000000000000000000000000000" + "000000000000F03F000000000000F03F"
	wkbPolygon = "010300000001000000040000000000000000000000000000000000000000000000000000000000000000000840" + "0000000000000840" + "0000000000000840" + "00000000000000000000000000000000"
)

var shapeKinds = []kind{ // WKB, little-endian; it has no SRID
	{"point", table.Binary, [][2]string{{"point(1, -2.5)", wkbPoint}, {"st_geomfromtext('POINT(1 -2.5)', 4326)", wkbPoint}}},
	{"linestring", table.Binary, [][2]string{{"st_geomfromtext('LINESTRING(0 0, 1 1)')", wkbLine}}},
	{"polygon", table.Binary, [][2]string{{"st_geomfromtext('POLYGON((0 0, 0 3, 3 3, 0 0))')", wkbPolygon}}},
	{"multipoint", table.Binary, [][2]string{{"st_geomfromtext('MULTIPOINT(1 -2.5)')", "010400000001000000" + wkbPoint}}},
	{"multilinestring", table.Binary, [][2]string{{"st_geomfromtext('MULTILINESTRING((0 0, 1 1))')", "010500000001000000" + wkbLine}}},
	{"multipolygon", table.Binary, [][2]string{{"st_geomfromtext('MULTIPOLYGON(((0 0, 0 3, 3 3, 0 0)))')", "010600000001000000" + wkbPolygon}}},
	{"geometrycollection", table.Binary, [][2]string{{"st_geomfromtext('GEOMETRYCOLLECTION(POINT(1 -2.5), LINESTRING(0 0, 1 1))')", "010700000002000000" + wkbPoint + wkbLine}, {"st_geomfromtext('GEOMETRYCOLLECTION EMPTY')", "010700000000000000"}}},
	{"geometry", table.Binary, [][2]string{{"point(1, -2.5)", wkbPoint}, {"st_geomfromtext('LINESTRING(0 0, 1 1)')", wkbLine}}},
}

var madeKinds = []kind{ // columns whose values the server makes, or hides from SELECT *; each row's id is 1 and up
	{"int as (id * 2) virtual", table.Integer, [][2]string{{"default", "2"}, {"default", "4"}}},
	{"varchar(20) as (concat('n', id)) stored", table.String, [][2]string{{"default", "n1"}, {"default", "n2"}}},
	{"int invisible default 5", table.Integer, [][2]string{{"default", "5"}, {"7", "7"}}},
	{"varchar(20) default (concat('d', 1 + 1))", table.String, [][2]string{{"default", "d2"}, {"'x'", "x"}}},
	{"decimal(5,1) default 1.5", table.Decimal(5, 1), [][2]string{{"default", "1.5"}, {"null", null}}},
	{"datetime(6) as ('2024-01-02 03:04:05.000006') virtual invisible", table.Timestamp, [][2]string{{"default", "2024-01-02 03:04:05.000006"}, {"default", "2024-01-02 03:04:05.000006"}}},
}
