package mariadb

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

// converting reads rows of one column that is sent in a way and becomes a type.
func converting(t *testing.T, sent field, source string, typ table.Type, spec table.Spec) *converters {
	t.Helper()
	plan := []table.SourceColumn{{Name: "v", SourceType: source, Type: typ, Nullable: true}}
	c := newConverters(ExtractRequest{Spec: spec, Plan: table.Plan{Columns: plan}}, time.UTC, arrowSchema(plan), &arrowfile.Pool{})
	require.NoError(t, c.bind([]field{sent}))
	return c
}

func oneRow(value string) []byte { return append([]byte{packetOK, 0}, value...) }

func TestValuesThatDoNotFit(t *testing.T) {
	text := func(s string) string { return string(appendLength(nil, uint64(len(s)))) + s }
	for name, c := range map[string]struct {
		sent   field
		source string
		typ    table.Type
		value  string
		want   error
		shown  string
	}{
		"Err above a byte":                     {field{asInteger, 2, false}, "tinyint(4)", table.Byte, "\x80\x00", errFit, "(an integer)"},
		"Err below a byte":                     {field{asInteger, 2, false}, "tinyint(4)", table.Byte, "\x7f\xff", errFit, ""},
		"Err unsigned above a long":            {field{asInteger, 8, true}, "bigint(20)", table.Long, "\x00\x00\x00\x00\x00\x00\x00\x80", errFit, ""},
		"Err above a decimal":                  {field{asInteger, 8, true}, "bigint(20) unsigned", table.Decimal(19, 0), "\xff\xff\xff\xff\xff\xff\xff\xff", errFit, ""},
		"Err a decimal of more digits":         {field{asBytes, 0, false}, "decimal(4,2)", table.Decimal(4, 2), text("123.45"), errFit, "6 bytes"},
		"Err a boolean of 2":                   {field{asInteger, 1, false}, "tinyint(1)", table.Boolean, "\x02", errFit, ""},
		"Err bits of a boolean":                {field{asBits, 0, true}, "bit(1)", table.Boolean, text("\x02"), errFit, ""},
		"Err bits above a long":                {field{asBits, 0, true}, "bit(63)", table.Long, text("\x80\x00\x00\x00\x00\x00\x00\x00"), errFit, ""},
		"Err nine bytes of bits":               {field{asBits, 0, true}, "bit(63)", table.Long, text("\x00\x00\x00\x00\x00\x00\x00\x00\x01"), errFit, ""},
		"Err bits where text was":              {field{asBits, 0, true}, "varchar(9)", table.String, text("1"), errKind, "1 bytes"},
		"Err bits where bytes were":            {field{asBits, 0, true}, "varbinary(9)", table.Binary, text("1"), errKind, ""},
		"Err bits where a decimal was":         {field{asBits, 0, true}, "decimal(9,2)", table.Decimal(9, 2), text("1"), errKind, ""},
		"Err bits where an overridden one was": {field{asBits, 0, true}, "decimal(9,2)", table.Long, text("1"), errKind, ""},
		"Err bits where a number was":          {field{asBits, 0, true}, "tinyint(1)", table.Boolean, text("\x01"), errKind, ""},
		"Err text where bits were":             {field{asBytes, 0, false}, "bit(9)", table.Long, text("12"), errKind, ""},
		"Err text where decimal bits were":     {field{asBytes, 0, false}, "bit(9)", table.Decimal(9, 0), text("12"), errKind, ""},
		"Err text where a number was":          {field{asBytes, 0, false}, "int(11)", table.Integer, text("12"), errKind, "2 bytes"},
		"Err text where a bigint was":          {field{asBytes, 0, false}, "bigint(20)", table.Long, text("12"), errKind, ""},
		"Err a number where text was":          {field{asInteger, 4, false}, "varchar(9)", table.String, "\x01\x00\x00\x00", errKind, ""},
		"Err a double where a float was":       {field{asDouble, 0, false}, "float", table.Float, "12345678", errKind, ""},
		"Err text where a time was":            {field{asBytes, 0, false}, "time", table.String, text("10:00:00"), errKind, ""},
		"Err words where a decimal was":        {field{asBytes, 0, false}, "decimal(9,2)", table.Decimal(9, 2), text("jane"), errKind, "4 bytes"},
		"Err a date with hours":                {field{asDate, 0, false}, "date", table.Date, "\x07\xe8\x07\x01\x01\x01\x00\x00", errKind, ""},
		"Err hour 24":                          {field{asDatetime, 0, false}, "datetime", table.Timestamp, "\x07\xe8\x07\x01\x01\x18\x00\x00", errKind, ""},
		"Err a million microseconds":           {field{asDatetime, 0, false}, "datetime(6)", table.Timestamp, "\x0b\xe8\x07\x01\x01\x00\x00\x00\x40\x42\x0f\x00", errKind, ""},
		"Err year 10000":                       {field{asDate, 0, false}, "date", table.Date, "\x04\x10\x27\x01\x01", errKind, ""},
		"Err a zero date, where it may not be": {field{asDate, 0, false}, "date", table.Date, "\x00", errZero, ""},
		"Err microseconds of a time(3)":        {field{asTime, 0, false}, "time(3)", table.String, "\x0c\x00\x00\x00\x00\x00\x01\x02\x03\x01\x00\x00\x00", errFraction, ""},
		"Err a value in a column of NULLs":     {field{asNull, 0, false}, "int(11)", table.Integer, "\x00", errKind, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := converting(t, c.sent, c.source, c.typ, table.Spec{ZeroDates: "fail"}).append(oneRow(c.value))
			require.ErrorIs(t, err, ErrValue)
			require.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, `column "v" (`+c.source+" to "+string(c.typ)+")")
			assert.ErrorContains(t, err, c.shown)
		})
	}
}

// TestTimesThatBecameOthers has a column altered between its plan and its query, whose window is then of the wrong zone: no row may tell.
func TestTimesThatBecameOthers(t *testing.T) {
	vienna, err := time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	for source, sent := range map[string]encoding{"datetime(6)": asInstant, "timestamp": asDatetime} {
		plan := []table.SourceColumn{{Name: "v", SourceType: source, Type: table.Timestamp, Nullable: true}}
		c := newConverters(ExtractRequest{Plan: table.Plan{Columns: plan}}, vienna, arrowSchema(plan), &arrowfile.Pool{})
		err := c.bind([]field{{encoding: sent}})
		require.ErrorIs(t, err, ErrValue)
		require.ErrorIs(t, err, errKind)
		assert.ErrorContains(t, err, `column "v" (`+source)
	}
}

func TestNullWhereThePlanHasNone(t *testing.T) {
	c := converting(t, field{asInteger, 1, false}, "tinyint(4)", table.Byte, table.Spec{})
	c.columns[0].Nullable = false
	require.ErrorIs(t, c.append([]byte{packetOK, 4}), errNull)
}

func TestMalformedRows(t *testing.T) {
	whole := map[encoding]string{
		asInteger: "\x01\x02\x03\x04", asFloat: "1234", asDouble: "12345678", asBytes: "\xfc\x03\x00abc",
		asDate: "\x04\xe8\x07\x01\x01", asDatetime: "\x0b\xe8\x07\x01\x01\x00\x00\x00\x40\x42\x01\x00",
		asTime: "\x0c\x00\x00\x00\x00\x00\x01\x02\x03\x00\x00\x00\x00",
	}
	types := map[encoding][]table.Type{
		asInteger: {table.Integer, table.Decimal(20, 0)}, asFloat: {table.Float}, asDouble: {table.Double},
		asBytes: {table.String, table.Binary}, asDate: {table.Date}, asDatetime: {table.Timestamp}, asTime: {table.String},
	}
	for sent, row := range whole {
		for _, typ := range types[sent] {
			c := converting(t, field{sent, 4, false}, map[bool]string{true: "time(6)", false: "any"}[sent == asTime], typ, table.Spec{})
			require.NoError(t, c.append(oneRow(row)), sent)
			require.ErrorIs(t, c.append(oneRow(row+"x")), errMalformed, sent)
			for cut := range row {
				require.ErrorIs(t, c.append(oneRow(row[:cut])), errMalformed, "%s cut at %d", sent, cut)
			}
		}
	}
	c := converting(t, field{asBytes, 0, false}, "text", table.String, table.Spec{})
	for _, length := range []string{"\xfb", "\xff", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff", "\xfe\x00\x00\x00\x00\x00\x00\x00\x80"} {
		require.ErrorIs(t, c.append(oneRow(length)), errMalformed)
	}
	require.ErrorIs(t, c.append([]byte{packetOK}), errMalformed)
	for _, length := range []string{"\x05", "\x08", "\x0c"} {
		c = converting(t, field{asDatetime, 0, false}, "datetime", table.Timestamp, table.Spec{})
		require.ErrorIs(t, c.append(oneRow(length+"\xe8\x07\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00")), errMalformed)
	}
}

// TestTextsAreValidOneByOne has texts that are valid UTF-8 only together.
func TestTextsAreValidOneByOne(t *testing.T) {
	for name, texts := range map[string][]string{
		"Err halves": {"caf\xc3", "\xa9"}, "Err a byte": {"ok", "a\xff", "ok"}, "Err at the end": {"ok", "\xe2\x82"},
		"Err behind a character": {"é", "\xa9"},
	} {
		t.Run(name, func(t *testing.T) {
			c := converting(t, field{asBytes, 0, false}, "varchar(9)", table.String, table.Spec{})
			for _, text := range texts {
				require.NoError(t, c.append(oneRow(string(rune(len(text)))+text)))
			}
			_, err := c.flush()
			require.ErrorIs(t, err, ErrValue)
			require.ErrorIs(t, err, errUTF8)
			assert.ErrorContains(t, err, "bytes")
		})
	}
	c := converting(t, field{asBytes, 0, false}, "varchar(9)", table.String, table.Spec{})
	for _, text := range []string{"", "é", "", "\u20ac", "", "\U0001f600", ""} {
		require.NoError(t, c.append(oneRow(string(rune(len(text)))+text)))
	}
	batch, err := c.flush()
	require.NoError(t, err)
	batch.Release()
}

// TestBatchesDoNotShareMemory fills a batch, releases it and fills another from the same buffers: nothing of the
// first is left in the NULLs of the second.
func TestBatchesDoNotShareMemory(t *testing.T) {
	plan := []table.SourceColumn{
		{Name: "a", SourceType: "bigint(20)", Type: table.Long, Nullable: true}, {Name: "b", SourceType: "text", Type: table.String, Nullable: true},
		{Name: "c", SourceType: "bit(1)", Type: table.Boolean, Nullable: true},
	}
	c := newConverters(ExtractRequest{Plan: table.Plan{Columns: plan}}, time.UTC, arrowSchema(plan), &arrowfile.Pool{})
	require.NoError(t, c.bind([]field{{asInteger, 8, false}, {asBytes, 0, false}, {asBits, 0, false}}))
	take := func() arrow.RecordBatch {
		batch, err := c.flush()
		require.NoError(t, err)
		return batch
	}
	full := append(binary.LittleEndian.AppendUint64([]byte{packetOK, 0}, 1<<63-1), "\x04text\x01\x01"...)
	for range 100 {
		require.NoError(t, c.append(full))
	}
	first := take()
	require.NoError(t, c.append(full))
	second := take()
	assert.Equal(t, "text", first.Column(1).ValueStr(99), "a batch stays as it is until it is released")
	first.Release()
	second.Release()
	for range 3 {
		require.NoError(t, c.append([]byte{packetOK, 7 << 2}))
	}
	third := take()
	defer third.Release()
	for _, column := range third.Columns() {
		assert.Equal(t, 3, column.NullN())
	}
	assert.Equal(t, []int64{0, 0, 0}, third.Column(0).(interface{ Int64Values() []int64 }).Int64Values())
	assert.Empty(t, third.Column(1).Data().Buffers()[2].Bytes())
	assert.Equal(t, []byte{0}, third.Column(2).Data().Buffers()[1].Bytes())
}

func TestWideTablesHaveSmallerBatches(t *testing.T) {
	plan := make([]table.SourceColumn, 2000)
	for i := range plan {
		plan[i] = table.SourceColumn{Name: "v", SourceType: "decimal(38,0)", Type: table.Decimal(38, 0)}
	}
	c := newConverters(ExtractRequest{Plan: table.Plan{Columns: plan}}, time.UTC, arrowSchema(plan), &arrowfile.Pool{})
	assert.LessOrEqual(t, c.limit*16*len(plan), 3*batchBytes)
}

// TestShortDecimalsAreTheSame holds the short way of reading decimals to the long one.
func TestShortDecimalsAreTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	short := 0
	for range 50_000 {
		p := 1 + r.IntN(20)
		s := r.IntN(p + 1)
		text := []byte(decimalText(r, r.IntN(p+2), r.IntN(s+2)))
		if r.IntN(10) == 0 {
			text[r.IntN(len(text))] = "+-. x0"[r.IntN(6)]
		}
		n, ok := shortDecimal(text, p, s)
		if !ok {
			continue
		}
		short++
		want, err := longDecimal(text, p, s)
		require.NoError(t, err, "%s as decimal(%d,%d)", text, p, s)
		require.Equal(t, want, decimal128.FromI64(n), "%s as decimal(%d,%d)", text, p, s)
	}
	assert.Greater(t, short, 1_000, "most are of other scales")
}
