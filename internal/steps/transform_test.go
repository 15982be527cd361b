package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestTransformPassesEveryTypeExactly(t *testing.T) {
	job := newJob(t, nil, "", "b byte?", "s short?", "i integer?", "l long?", "u decimal(20,0)?", "d decimal(38,10)?", "f float?", "g double?",
		"t boolean?", "x string?", "y binary?", "on date?", "at timestamp?")
	null := make([]any, 13)
	digits := strings.Repeat("9", 28) + "." + strings.Repeat("9", 10)
	job = withRows(t, job, 2,
		[]any{-128, -32768, math.MinInt32, math.MinInt64, "0", "-" + digits, -1.5, -math.MaxFloat64, false, "", []byte{}, "0001-01-01", "0001-01-01 00:00:00"},
		null,
		[]any{127, 32767, math.MaxInt32, math.MaxInt64, "18446744073709551615", digits, math.NaN(), math.Inf(1), true, "🙂 ü\x00'\"\\", []byte{0, 255, 39}, "9999-12-31", "9999-12-31 23:59:59.999999"})

	_, out := both(t, job)

	require.Equal(t, append(job.Plan.Schema(), table.Column{Name: "client_id", Type: table.String}, table.Column{Name: "region", Type: table.String}), out.Schema)
	none := strings.Split(strings.Repeat("NULL ", 13)[:64], " ")
	require.Equal(t, [][]string{
		{"-128", "-32768", "-2147483648", "-9223372036854775808", "0", "-" + digits, "-1.5", "-1.7976931348623157e+308", "false", "", "", "0001-01-01", "0001-01-01 00:00:00+00", "acme", "eu"},
		append(none, "acme", "eu"),
		{"127", "32767", "2147483647", "9223372036854775807", "18446744073709551615", digits, "nan", "inf", "true", "🙂 ü\x00'\"\\", `\x00\xFF\x27`, "9999-12-31", "9999-12-31 23:59:59.999999+00", "acme", "eu"},
	}, clean(t, out, "*"))
	require.Equal(t, [][]string{
		{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL(20,0)", "DECIMAL(38,10)", "FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR", "BLOB", "DATE", "TIMESTAMP WITH TIME ZONE"},
	}, query(t, "SELECT typeof(COLUMNS(* EXCLUDE (client_id, region))) FROM read_parquet('"+out.Files[0].Path+"') LIMIT 1"))
	require.Equal(t, [][]string{{"3.5.0"}}, query(t, "SELECT value::VARCHAR FROM parquet_kv_metadata('"+out.Files[0].Path+"') WHERE key::VARCHAR = 'org.apache.spark.version'"),
		"Spark reads its dates before 1582 as they are")
}

func TestTransformRenamesFillsAndChanges(t *testing.T) {
	job := newJob(t, []string{"id"}, "", "id long", "kunde string?", "Note string?", "n integer")
	job.Spec.Rename = map[string]string{"KUNDE": "customer"}
	job.Spec.Fill = map[string]string{"source": "shop '${client.database}'", "who": "${client.id}@${client.region}"}
	job.Spec.Transform = []table.Transform{
		{Column: "note", SQL: "nullif(trim(note), '') -- blanks"},
		{Column: "NOTE", SQL: "note || '/' || Customer || '/' || client_id"},
		{Column: "n", SQL: "n * 2.5"},
	}
	for i := range job.Plan.Columns {
		job.Plan.Columns[i].Comment = "source's " + job.Plan.Columns[i].Name
	}
	job = withRows(t, job, 1, []any{1, "k1", " x ", 1}, []any{2, nil, "  ", 2})

	_, out := both(t, job)

	var comments []string
	for _, column := range out.Schema {
		comments = append(comments, column.Comment)
	}
	require.Equal(t, []string{"source's id", "source's kunde", "source's Note", "source's n", "", "", "", ""}, comments)
	require.Equal(t, []string{"id", "customer", "Note", "n", "source", "who", "client_id", "region"}, out.Schema.Names())
	require.Equal(t, table.Decimal(12, 1), out.Schema[3].Type)
	require.False(t, out.Schema[4].Nullable)
	require.Equal(t, [][]string{
		{"1", "k1", "x/k1/acme", "2.5", "shop 'shop'", "acme@eu", "acme", "eu"},
		{"2", "NULL", "NULL", "5.0", "shop 'shop'", "acme@eu", "acme", "eu"},
	}, clean(t, out, "*"))
}

func TestTransformHashesAndMasks(t *testing.T) {
	salt := "s'alt $1 ?"
	want := func(text string) string {
		sum := sha256.Sum256([]byte(salt + text))
		return hex.EncodeToString(sum[:])
	}
	job := newJob(t, []string{"id"}, "", "id long", "a string?", "d decimal(10,3)?", "at timestamp?", "b binary?", "mail string?", "card string?", "x long?")
	for _, column := range []string{"id", "a", "d", "at", "b"} {
		job.Spec.Transform = append(job.Spec.Transform, table.Transform{Column: column, Hash: "sha256", Salt: "env:SALT"})
	}
	job.Spec.Transform = append(job.Spec.Transform, table.Transform{Column: "mail", Mask: "email"},
		table.Transform{Column: "card", Mask: "last4"}, table.Transform{Column: "x", Mask: "all"})
	job.Salts = map[string]string{"env:SALT": salt}
	job = withRows(t, job, 9,
		[]any{7, "ü", "1.5", "2024-02-03 04:05:06.5", []byte{0, 200}, "jane.doe@mail.example.com", "4111111111111234", 5},
		[]any{8, nil, nil, nil, nil, nil, nil, nil},
		[]any{9, "", "0", "1900-01-01", []byte{}, "no address", "1234567", 0},
		[]any{10, "", "0", "1900-01-01", []byte{}, "a@b@c.de", "", 0})

	_, out := both(t, job)

	rows := clean(t, out, "* EXCLUDE (client_id, region)")
	require.Equal(t, []string{want("7"), want("ü"), want("1.500"), want("2024-02-03T04:05:06.500000Z"), want("\x00\xc8"), "j***@mail.example.com", "***1234", "***"}, rows[0])
	require.Equal(t, []string{want("8"), "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"}, rows[1])
	require.Equal(t, []string{want("9"), want(""), want("0.000"), want("1900-01-01T00:00:00.000000Z"), want(""), "***", "***", "***"}, rows[2])
	require.Equal(t, []string{"a***@c.de", "***"}, rows[3][5:7])
}

func TestTransformNeverTellsTheSalt(t *testing.T) {
	job := newJob(t, []string{"id"}, "", "id long", "a string", "b string")
	job.Salts = map[string]string{"env:SALT": "pepper"}
	job.Spec.Transform = []table.Transform{{Column: "a", Hash: "sha256", Salt: "env:SALT"}, {Column: "b", SQL: "CAST(CAST(b AS INTEGER) AS VARCHAR)"}}
	job = withRows(t, job, 9, []any{1, "x", "private"})
	valid, err := Validate(context.Background(), job)
	require.NoError(t, err)

	_, err = Transform(context.Background(), job, valid)
	require.ErrorIs(t, err, ErrExpression)
	require.ErrorContains(t, err, `transform of column "b"`)
	require.NotContains(t, err.Error(), "pepper")
	require.NotContains(t, err.Error(), "private")

	job.Salts = nil
	_, err = Transform(context.Background(), job, valid)
	require.ErrorIs(t, err, ErrExpression)
	require.ErrorContains(t, err, "env:SALT")
}

func TestTransformStoresResultsInDeltaTypes(t *testing.T) {
	for expression, want := range map[string]struct {
		typ   table.Type
		value string
	}{
		"CAST(v AS HUGEINT)":                   {table.Decimal(38, 0), "7"},
		"CAST(v AS UBIGINT)":                   {table.Decimal(20, 0), "7"},
		"CAST(v AS UINTEGER)":                  {table.Long, "7"},
		"CAST(v AS UTINYINT)":                  {table.Short, "7"},
		"TIMESTAMP '2024-01-02 03:04:05'":      {table.Timestamp, "2024-01-02 03:04:05+00"},
		"TIMESTAMPTZ '2024-01-02 03:04:05+02'": {table.Timestamp, "2024-01-02 01:04:05+00"},
		"CAST('{\"a\": 1}' AS JSON)":           {table.String, `{"a": 1}`},
		"Null":                                 {table.Long, "NULL"},
		"v > 3":                                {table.Boolean, "true"},
	} {
		t.Run(expression, func(t *testing.T) {
			job := newJob(t, []string{"id"}, "", "id long", "v long")
			job.Spec.Transform = []table.Transform{{Column: "v", SQL: expression}}
			_, out := both(t, withRows(t, job, 9, []any{1, 7}))
			require.Equal(t, want.typ, out.Schema[1].Type)
			require.Equal(t, [][]string{{want.value}}, clean(t, out, "v"))
		})
	}
	for _, expression := range []string{"TIME '10:00:00'", "INTERVAL 1 DAY", "[v]", "{'a': v}"} {
		t.Run("Err "+expression, func(t *testing.T) {
			job := newJob(t, nil, "", "v long")
			job.Spec.Transform = []table.Transform{{Column: "v", SQL: expression}}
			_, err := Compile(context.Background(), job)
			require.ErrorIs(t, err, ErrType)
			require.ErrorContains(t, err, "cast it")
		})
	}
}

func TestTransformRefusesIDsThatAreNoLongerUnique(t *testing.T) {
	for name, expression := range map[string]string{"Equal": "id // 2", "Null": "nullif(id, 2)"} {
		t.Run(name, func(t *testing.T) {
			job := newJob(t, []string{"id"}, "", "id long")
			job.Spec.Transform = []table.Transform{{Column: "id", SQL: expression}}
			job = withRows(t, job, 9, []any{1}, []any{2}, []any{3})
			valid, err := Validate(context.Background(), job)
			require.NoError(t, err)
			_, err = Transform(context.Background(), job, valid)
			require.ErrorIs(t, err, ErrRule)
		})
	}
	job := newJob(t, []string{"id"}, "", "id long")
	job.Spec.Transform = []table.Transform{{Column: "id", SQL: "id + 1000"}}
	_, out := both(t, withRows(t, job, 9, []any{1}, []any{2}))
	require.Equal(t, [][]string{{"1001"}, {"1002"}}, clean(t, out, "id"))
}

func TestTransformReadsOnlyItsOwnColumns(t *testing.T) {
	// Columns of the same type whose values are not used must not take each other's place.
	job := newJob(t, []string{"id"}, "", "a long", "client_id string", "b string", "id long", "region string", "c string")
	job.Spec.Transform = []table.Transform{{Column: "b", SQL: "'constant'"}, {Column: "a", SQL: "1"}}
	job.Spec.Expect = []table.Rule{{Name: "c_is_c", That: "c = 'c3' OR c = 'c4'", Otherwise: table.Quarantine}}
	job = withRows(t, job, 1, []any{9, "acme", "b", 3, "eu", "c3"}, []any{9, "acme", "b", 4, "eu", "c4"}, []any{9, "acme", "b", 5, "eu", "c5"})
	valid, out := both(t, job)
	require.Equal(t, int64(1), valid.Counts.Quarantined)
	require.Equal(t, [][]string{{"1", "acme", "constant", "3", "eu", "c3"}, {"1", "acme", "constant", "4", "eu", "c4"}}, clean(t, out, "*"))
}

func TestTransformOfRowsThatAreAllBadWritesNoFile(t *testing.T) {
	job := withRows(t, newJob(t, []string{"id"}, "", "id long?"), 1, []any{nil}, []any{nil})
	valid, out := both(t, job)
	require.Equal(t, int64(2), valid.Counts.Quarantined)
	require.Empty(t, out.Files)
	left := entries(t, filepath.Join(job.Dir, "clean"))
	require.Len(t, left, 1)
	require.Equal(t, keptFile, left[0].Name())
}

func entries(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	return found
}

func TestTransformLeavesNothingWhenItCannotWrite(t *testing.T) {
	job := withRows(t, newJob(t, []string{"id"}, "", "id long"), 1, []any{1})
	valid, err := Validate(context.Background(), job)
	require.NoError(t, err)
	job.Dir = filepath.Join(job.Dir, "file")
	require.NoError(t, os.WriteFile(job.Dir, nil, 0o600))
	_, err = Transform(context.Background(), job, valid)
	require.ErrorContains(t, err, "not a directory")
}

func TestTransformRefusesRowsThatWereNotValidated(t *testing.T) {
	job := withRows(t, newJob(t, []string{"id"}, "", "id long"), 1, []any{1}, []any{2})
	_, err := Transform(context.Background(), job, Validated{Counts: table.Counts{Read: 1}})
	require.ErrorIs(t, err, ErrRaw)
	_, err = Transform(context.Background(), job, Validated{Counts: table.Counts{Read: 2, Deduped: 1}})
	require.ErrorIs(t, err, ErrRaw)
	_, err = Transform(context.Background(), job, Validated{Counts: table.Counts{Read: 2}, Excluded: filepath.Join(job.Dir, "gone.parquet")})
	require.ErrorIs(t, err, ErrRaw)
}
