package steps

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestCompileReturnsTheCentralSchema(t *testing.T) {
	job := newJob(t, []string{"id"}, "at", "id long?", "at timestamp", "v string?")
	job.Dir = ""
	job.Spec.Transform = []table.Transform{{Column: "v", SQL: "length(v)"}, {Column: "id", Hash: "sha256", Salt: "env:SALT"}}
	schema, err := Compile(context.Background(), job)
	require.NoError(t, err)
	require.Equal(t, table.Schema{
		{Name: "id", Type: table.String}, {Name: "at", Type: table.Timestamp}, {Name: "v", Type: table.Long, Nullable: true},
		{Name: "client_id", Type: table.String}, {Name: "region", Type: table.String},
	}, schema)
}

func TestCompileReportsAllFaultsAtOnce(t *testing.T) {
	job := newJob(t, []string{"id"}, "", "id long", "amount long", "note string?")
	job.Spec.Expect = []table.Rule{
		{Name: "a", That: "amuont > 0", Otherwise: table.Warn},
		{Name: "b", That: "amount >", Otherwise: table.Warn},
		{Name: "a", That: "amount", Otherwise: "drop"},
		{Name: "c", That: "amount", Otherwise: table.Fail},
		{Name: "d", That: "note + interval 1 day > 1", Otherwise: table.Fail},
	}
	job.Spec.Transform = []table.Transform{
		{Column: "nota", SQL: "1"}, {Column: "note", SQL: "1", Mask: "all"}, {Column: "note", Hash: "md5"}, {Column: "note", Mask: "half"},
		{Column: "id", Mask: "all"}, {Column: "note", SQL: "trimm(note)"},
	}
	_, err := Compile(context.Background(), job)
	require.ErrorIs(t, err, ErrExpression)
	for _, part := range []string{
		`rule "a": invalid expression: there is no column "amuont"; did you mean amount?`, `rule "b": invalid expression: syntax error`,
		`rule "a": invalid expression: the name is taken`, `otherwise is "drop"`, `rule "c": invalid expression: it is a BIGINT`, `rule "d": invalid expression`,
		`transform 1 of column "nota": invalid expression: there is no column "nota"; did you mean note?`, "set exactly one", `hash "md5"`, `mask "half"`,
		"a masked id is no longer unique", `there is no function "trimm"; did you mean `,
	} {
		require.ErrorContains(t, err, part)
	}
}

func TestCompileReportsCollisions(t *testing.T) {
	for name, spec := range map[string]table.Spec{
		"Rename":          {Rename: map[string]string{"note": "ID"}},
		"RenameToSame":    {Rename: map[string]string{"note": "x", "amount": "X"}},
		"Fill":            {Fill: map[string]string{"Note": "x"}},
		"FillTenant":      {Fill: map[string]string{"Client_ID": "x"}},
		"TransformTenant": {Transform: []table.Transform{{Column: "region", SQL: "'us'"}}},
		"History":         {Rename: map[string]string{"note": "Valid_From"}, History: table.HistoryAlso},
		"TwoTenants":      {Rename: map[string]string{"note": "client_id", "amount": "CLIENT_ID"}},
	} {
		t.Run(name, func(t *testing.T) {
			job := newJob(t, []string{"id"}, "", "id long", "amount long", "note string?")
			job.Spec.Rename, job.Spec.Fill, job.Spec.Transform, job.Spec.History = spec.Rename, spec.Fill, spec.Transform, spec.History
			_, err := Compile(context.Background(), job)
			require.ErrorIs(t, err, ErrCollision)
		})
	}
}

func TestCompileReportsUnknownNames(t *testing.T) {
	for name, change := range map[string]func(*Job){
		"Rename": func(job *Job) { job.Spec.Rename = map[string]string{"nte": "x"} },
		"Fill":   func(job *Job) { job.Spec.Fill = map[string]string{"x": "${client.host}"} },
		"ID":     func(job *Job) { job.Plan.IDs = []string{"key"} },
		"Cursor": func(job *Job) { job.Plan.Cursor = "at" },
	} {
		t.Run(name, func(t *testing.T) {
			job := newJob(t, []string{"id"}, "", "id long", "note string?")
			change(&job)
			_, err := Compile(context.Background(), job)
			require.ErrorIs(t, err, ErrExpression)
		})
	}
}

func TestExpressionsAreOneScalarExpressionOverTheRow(t *testing.T) {
	for _, expression := range []string{
		"n > 0", "N IS NULL OR \"s\" LIKE 'a%'", "try_cast(s AS INTEGER) > 1", "j->>'$.a' = 'x'", "json_extract_string(j, '$.a') = 'x'",
		"list_contains(list_transform([1, 2], lambda q: q + n), 3)", "s ~ '^a' -- remark", "n BETWEEN 1 AND 2 AND n IN (1, 2)", "made < now()", "made <= current_timestamp",
		"CASE WHEN n > 1 THEN true ELSE s = ';' END", "s = ') FROM x'", "regexp_matches(s, 'a') AND nullif(s, '') <> 'b' COLLATE NOCASE", "made::DATE > DATE '2024-01-01'",
		"len(string_split(s, ',')) = 2", "coalesce(n, 0) = 0 AND greatest(n, 1) = 1", "extract(year FROM made) > 2000", "s[1] = 'a'", "try(1 / n) > 0",
	} {
		t.Run("OK "+expression, func(t *testing.T) {
			require.NoError(t, compileRule(t, expression))
		})
	}
	for _, expression := range []string{
		"", "n > 0; SELECT 1", "n > 0) FROM raw WHERE (true", "1=1), (2=2", "true) UNION SELECT (true", "true) LIMIT (1", "true) ORDER BY (1",
		"(true) AS x", "true) AS x, (1", "*", "true) WHERE (true", "true) GROUP BY (1", "-- nothing", "true /* open",
		"(SELECT true)", "EXISTS (SELECT 1)", "n IN (SELECT 1)", "n > (SELECT max(n) FROM raw)", "n > ALL (SELECT 1)", "EXISTS (SELECT * FROM read_csv('/etc/passwd'))",
		"(SELECT content FROM read_text('/etc/passwd')) = ''", "EXISTS (FROM read_parquet('x'))", "EXISTS (FROM glob('/*'))",
		"read_csv('/etc/passwd')", "read_text('/etc/passwd') = ''", "read_parquet('x')", "getenv('HOME') = ''", "getvariable('tributary_salt_0') = ''",
		"current_setting('temp_directory') = ''", "count(*) > 0", "sum(n) > 0", "row_number() OVER () > 0", "sum(n) OVER () > 0", "random() > 0.5", "uuid() = ''", "pg_sleep(1)",
		"sleep_ms(1000)", "nextval('x') > 0", "error('x')", "write_log('x')", "unnest([true])", "$1", "?", "COPY raw TO 'x'", "ATTACH 'x'", "PRAGMA version", "SET threads = 1", "INSTALL httpfs",
		"columns(*)", "#1 > 0", "raw.n > 0", "t.n > 0", "_t_position > 0", "version() = ''", "json_execute_serialized_sql('x')", "query('select 1')", "main.getvariable('x') = ''",
		"system.main.getvariable('x') = ''", "list_transform([1], lambda n2: (SELECT 1)) = [1]", "wavg(n, n) > 0", "DEFAULT",
	} {
		t.Run("Err "+expression, func(t *testing.T) {
			require.ErrorIs(t, compileRule(t, expression), ErrExpression)
		})
	}
}

func compileRule(t *testing.T, expression string) error {
	job := newJob(t, nil, "", "n long?", "s string?", "j string?", "made timestamp?")
	job.Spec.Expect = []table.Rule{{Name: "r", That: expression, Otherwise: table.Warn}}
	_, err := Compile(context.Background(), job)
	return err
}

func TestEngineReachesItsOwnFolderOnly(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "x.csv")
	require.NoError(t, os.WriteFile(other, []byte("a\n1\n"), 0o600))
	ctx := context.Background()
	e, err := openEngine(ctx, dir, Limits{})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.close()) }()
	require.NoError(t, e.exec(ctx, "COPY (SELECT 1 AS a) TO "+table.Literal(filepath.Join(dir, "x.parquet"))))
	for _, statement := range []string{
		"SELECT * FROM read_csv(" + table.Literal(other) + ")", "SELECT * FROM read_text('/etc/passwd')", "COPY (SELECT 1) TO " + table.Literal(other),
		"ATTACH " + table.Literal(other), "SET enable_external_access = true", "SET allowed_directories = ['/']", "INSTALL httpfs", "LOAD httpfs",
		"SELECT * FROM read_csv(" + table.Literal(dir+"/../x.csv") + ")", "SET temp_directory = '/tmp'",
	} {
		require.Error(t, e.exec(ctx, statement), statement)
	}
}
