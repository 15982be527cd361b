package mariadb

import (
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestRowsEqualTheDriversOwn reads a table of every type, of edges and random values, NULLs among them, through the
// wire and through the driver, whatever the two negotiated with the server.
func TestRowsEqualTheDriversOwn(t *testing.T) {
	const seed = 20261121
	f := newFixture(t)
	f.fillEveryType(rand.New(rand.NewPCG(seed, seed)), 400)
	spec := table.Spec{Name: "t"}
	plan := f.plan(f.open(), spec)
	want := f.throughTheDriver(plan)
	direct := f.client
	for _, without := range [][2]bool{{}, {true, false}, {false, true}, {true, true}} {
		t.Run(fmt.Sprintf("OK without CLIENT_DEPRECATE_EOF %t, cached metadata %t", without[0], without[1]), func(t *testing.T) {
			addr := relay(t, address(direct), hidden(without[0], without[1]))
			f.client.Host, f.client.Port = addr.IP.String(), addr.Port
			s := f.open()
			lent := f.lent(s)
			assert.Equal(t, without[0], lent.endsInEOF)
			assert.Equal(t, !without[1], lent.cachesMetadata)
			raw, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: t.TempDir()})
			require.NoError(t, err)
			require.EqualValues(t, len(want), raw.Rows)
			at := 0
			f.batches(raw.Files[0], func(batch arrow.RecordBatch) {
				for i := range int(batch.NumRows()) {
					for j, column := range plan.Columns {
						require.Equal(t, want[at][j], same(column, batch.Column(j).ValueStr(i)), "row %d, column %s, seed %d", at, column.SourceType, seed)
					}
					at++
				}
			})
		})
	}
}

// everyType is every declared type with a few values as SQL; a generator adds random ones.
var everyType = []struct {
	declared string
	values   string // separated by bars
	random   func(r *rand.Rand) string
}{
	{"tinyint", "-128|127|0", integers256},
	{"tinyint unsigned", "0|255|128", nil},
	{"smallint", "-32768|32767|-1", nil},
	{"smallint unsigned", "65535|32768", nil},
	{"mediumint", "-8388608|8388607|-1", nil},
	{"mediumint unsigned", "16777215|8388608", nil},
	{"int", "-2147483648|2147483647|-1", nil},
	{"int unsigned", "4294967295|2147483648", nil},
	{"bigint", "-9223372036854775808|9223372036854775807|-1", nil},
	{"bigint unsigned", "18446744073709551615|9223372036854775808|9223372036854775807|0", func(r *rand.Rand) string { return strconv.FormatUint(r.Uint64(), 10) }},
	{"decimal(12,2)", "-9999999999.99|9999999999.99|-0.01|0|0.10", func(r *rand.Rand) string { return decimalText(r, 10, 2) }},
	{"decimal(18,0)", "-999999999999999999|999999999999999999|1", func(r *rand.Rand) string { return decimalText(r, 18, 0) }},
	{"decimal(20,19)", "-9.9999999999999999999|0.0000000000000000001", func(r *rand.Rand) string { return decimalText(r, 1, 19) }},
	{"decimal(38,10)", "-9999999999999999999999999999.9999999999|0", func(r *rand.Rand) string { return decimalText(r, 28, 10) }},
	{"decimal(38,38)", "-0.99999999999999999999999999999999999999|0", func(r *rand.Rand) string { return decimalText(r, 0, 38) }},
	{"decimal(65,30)", "-99999999999999999999999999999999999.999999999999999999999999999999|0", nil},
	{"float", "0.1|-3.4028234e38|1.17549e-38|16777217", func(r *rand.Rand) string { return strconv.FormatFloat(r.NormFloat64()*1e9, 'g', -1, 32) }},
	{"double", "0.1|-1.7976931348623157e308|-5e-324", func(r *rand.Rand) string { return strconv.FormatFloat(r.NormFloat64()*1e99, 'g', -1, 64) }},
	{"bit(1)", "b'0'|b'1'", nil},
	{"bit(9)", "b'111111111'|b'0'", nil},
	{"bit(63)", "9223372036854775807|0", nil},
	{"bit(64)", "18446744073709551615|0", nil},
	{"year", "1901|2155|0", nil},
	{"date", "'0001-01-01'|'9999-12-31'|'2024-02-29'|'0000-00-00'|'2024-00-10'|'2023-02-30'|'1969-12-31'", func(r *rand.Rand) string { return "'" + anyTime(r).Format(time.DateOnly) + "'" }},
	{"datetime", "'0001-01-01 00:00:00'|'9999-12-31 23:59:59'|'0000-00-00 00:00:00'|'2024-01-01'", func(r *rand.Rand) string { return "'" + anyTime(r).Format(time.DateTime) + "'" }},
	{"datetime(3)", "'1000-01-01 00:00:00.001'|'2023-02-30 01:02:03.004'", func(r *rand.Rand) string { return "'" + anyTime(r).Format(timeLayout) + "'" }},
	{"datetime(6)", "'1969-12-31 23:59:59.999999'|'0000-00-00 00:00:00.000001'|'2024-01-01 00:00:00.000001'", func(r *rand.Rand) string { return "'" + anyTime(r).Format(timeLayout) + "'" }},
	{"timestamp", "'1970-01-01 00:00:01'|'2038-01-19 03:14:07'", nil},
	{"timestamp(6)", "'1970-01-01 00:00:01.000001'|'2038-01-19 03:14:07.999999'", nil},
	{"time", "'-838:59:59'|'838:59:59'|'00:00:00'|'-00:00:01'|'100:00:00'|'99:59:59'|'24:00:00'", nil},
	{"time(1)", "'-838:59:59.9'|'00:00:00'|'00:00:00.1'", nil},
	{"time(6)", "'-838:59:59.999999'|'838:59:59.000001'|'00:00:00'|'00:00:00.000001'|'-00:00:00.5'", nil},
	{"char(4)", "''|'ab'|'ü'", nil},
	{"varchar(300)", "''|repeat('x', 250)|repeat('x', 251)|repeat('x', 300)|'a\\0b'|'👩‍👩‍👧'", func(r *rand.Rand) string { return fmt.Sprintf("repeat('é', %d)", r.IntN(300)) }},
	{"varchar(20) character set latin1", "'café €'", nil},
	{"text", "repeat('ü', 32767)|'x'", func(r *rand.Rand) string { return fmt.Sprintf("repeat('ab', %d)", r.IntN(4000)) }},
	{"mediumtext", "repeat('y', 65535)|repeat('y', 65536)|repeat('y', 300000)", nil},
	{"enum('new','päid','')", "'päid'|''", nil},
	{"set('a','b','c')", "'a,c'|''", nil},
	{"json", `'{"k": [1, 2.50, 123456789012345678901234567890]}'`, nil},
	{"uuid", "'123e4567-e89b-12d3-a456-426614174000'", nil},
	{"inet6", "'::ffff:10.0.0.1'|'::'", nil},
	{"binary(3)", "x'00ff'", nil},
	{"varbinary(9)", "x''|x'fffe00'", nil},
	{"longblob", "x'c3'|repeat(x'00ff', 100)", nil},
	{"point", "point(1, 2)", nil},
}

func integers256(r *rand.Rand) string { return strconv.Itoa(r.IntN(256) - 128) }

func decimalText(r *rand.Rand, whole, fraction int) string {
	digits := make([]byte, 0, 80)
	if r.IntN(2) == 0 {
		digits = append(digits, '-')
	}
	digits = append(digits, '0')
	for range r.IntN(whole + 1) {
		digits = append(digits, byte('0'+r.IntN(10)))
	}
	digits = append(digits, '.')
	for range r.IntN(fraction + 1) {
		digits = append(digits, byte('0'+r.IntN(10)))
	}
	return string(digits) + "0"[:min(1, fraction)]
}

func anyTime(r *rand.Rand) time.Time {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	return time.UnixMicro(first.UnixMicro() + r.Int64N(last.UnixMicro()-first.UnixMicro())).UTC()
}

// fillEveryType makes table t with a column of each type, and rows in the order of their ids.
func (f *fixture) fillEveryType(r *rand.Rand, rows int) {
	f.Helper()
	var create strings.Builder
	create.WriteString("create table t (id int primary key")
	for i, c := range everyType {
		fmt.Fprintf(&create, ", c%d %s null", i, c.declared)
	}
	f.exec(create.String() + ") row_format=dynamic")
	statements := []string{"set sql_mode='ALLOW_INVALID_DATES'; set time_zone='+00:00'"}
	for id := range rows {
		values := []string{strconv.Itoa(id)}
		for _, c := range everyType {
			known := strings.Split(c.values, "|")
			switch {
			case id > 0 && r.IntN(4) == 0:
				values = append(values, "null")
			case c.random != nil && id >= len(known) && r.IntN(2) == 0:
				values = append(values, c.random(r))
			default:
				values = append(values, known[id%len(known)])
			}
		}
		statements = append(statements, "insert ignore into t values ("+strings.Join(values, ",")+")")
	}
	f.exec(strings.Join(statements, ";"))
}

// throughTheDriver returns every row as the driver decodes it, worded as same does.
func (f *fixture) throughTheDriver(plan table.Plan) [][]string {
	f.Helper()
	names := make([]string, len(plan.Columns))
	for i, c := range plan.Columns {
		if names[i] = "`" + c.Source + "`"; c.SourceType == "point" {
			names[i] = "ST_AsWKB(" + names[i] + ")"
		}
	}
	conn, err := f.open().connector.Connect(f.Context())
	require.NoError(f, err)
	defer conn.Close()
	stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(f.Context(), "SELECT "+strings.Join(names, ",")+" FROM t")
	require.NoError(f, err)
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(f.Context(), nil)
	require.NoError(f, err)
	var all [][]string
	values := make([]driver.Value, len(names))
	for {
		err := rows.Next(values)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(f, err)
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = same(plan.Columns[i], worded(plan.Columns[i], v))
		}
		all = append(all, row)
	}
}

// worded is what the driver returned as Arrow's ValueStr would word it.
func worded(column table.SourceColumn, v driver.Value) string {
	base := parseType(column.SourceType).base
	switch v := v.(type) {
	case nil:
		return "(null)"
	case []byte:
		switch {
		case base == "bit" && column.Type != table.Binary:
			n := new(big.Int).SetBytes(v)
			if column.Type == table.Boolean {
				return strconv.FormatBool(n.Sign() != 0)
			}
			return n.String()
		case column.Type == table.Binary:
			return base64.StdEncoding.EncodeToString(v)
		case column.Type == table.Date || column.Type == table.Timestamp:
			at, err := time.Parse("2006-01-02 15:04:05.999999", (string(v) + " 00:00:00")[:max(19, len(v))])
			if err != nil || at.Year() == 0 {
				return "(null)"
			}
			if column.Type == table.Date {
				return at.Format(time.DateOnly)
			}
			return at.Format("2006-01-02T15:04:05.999999Z")
		}
		return string(v)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// same makes words of equal decimals equal: 0 and 0.00.
func same(column table.SourceColumn, text string) string {
	if _, _, ok := column.Type.DecimalOf(); ok && text != "(null)" {
		n, ok := new(big.Rat).SetString(text)
		if !ok {
			return "not a number: " + text
		}
		return n.RatString()
	}
	return text
}

func TestNullsInEveryPosition(t *testing.T) {
	for _, columns := range []int{1, 5, 6, 7, 13, 14, 15, 62, 63, 70, 300} {
		names := make([]string, columns)
		for i := range names {
			names[i] = fmt.Sprintf("c%d int null", i)
		}
		f := newFixture(t, "create table t (id int primary key, "+strings.Join(names, ",")+")")
		statements := make([]string, 0, columns+2)
		for id := range columns + 2 { // row i lacks column i; the last but one lacks all, the last none
			values := make([]string, columns)
			for i := range values {
				if values[i] = strconv.Itoa(1000*id + i); i == id || id == columns {
					values[i] = "null"
				}
			}
			statements = append(statements, fmt.Sprintf("(%d,%s)", id, strings.Join(values, ",")))
		}
		f.exec("insert into t values " + strings.Join(statements, ","))
		_, rows := f.run(table.Spec{Name: "t"}, "")
		require.Len(t, rows, columns+2)
		for _, row := range rows {
			id, err := strconv.Atoi(row[0])
			require.NoError(t, err)
			for i, got := range row[1:] {
				want := strconv.Itoa(1000*id + i)
				if i == id || id == columns {
					want = "(null)"
				}
				assert.Equal(t, want, got, "%d columns, row %d, column %d", columns, id, i)
			}
		}
	}
}
