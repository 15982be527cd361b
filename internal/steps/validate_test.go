package steps

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestValidateQuarantinesRowsWithoutIDs(t *testing.T) {
	job := newJob(t, []string{"id", "line"}, "", "id long?", "line long?", "v string?")
	job = withRows(t, job, 2, []any{1, 1, "a"}, []any{nil, 2, "b"}, []any{3, nil, "c"}, []any{nil, nil, "d"}, []any{4, 4, nil})

	valid, out := both(t, job)

	require.Equal(t, table.Counts{Read: 5, Quarantined: 3}, valid.Counts)
	require.Equal(t, RuleCount{Name: RuleIDsNotNull, Otherwise: table.Quarantine, Rows: 3}, valid.Rules[0])
	require.Equal(t, [][]string{{"1", "1", "a"}, {"4", "4", "NULL"}}, clean(t, out, "id, line, v"))
	require.Equal(t, [][]string{{"NULL", "2", "b", "ids_not_null"}, {"3", "NULL", "c", "ids_not_null"}, {"NULL", "NULL", "d", "ids_not_null"}},
		query(t, "SELECT * FROM read_parquet('"+valid.Quarantine.Path+"') ORDER BY v"))
}

func TestValidateKeepsTheNewestOfRowsWithTheSameIDs(t *testing.T) {
	columns := []string{"id long", "at timestamp?", "v string?"}
	old, mid, recent := "2024-01-01", "2024-01-02", "2024-01-03"
	for name, test := range map[string]struct {
		rows             [][]any
		want             [][]string
		deduped, surplus int64
	}{
		"NewestWins":        {[][]any{{1, recent, "c"}, {1, old, "a"}, {2, old, "x"}, {1, mid, "b"}}, [][]string{{"1", "c"}, {"2", "x"}}, 2, 0},
		"NullIsOldest":      {[][]any{{1, nil, "z"}, {1, old, "a"}}, [][]string{{"1", "a"}}, 1, 0},
		"CopiesAreDeduped":  {[][]any{{1, old, "a"}, {1, old, "a"}, {1, old, "a"}}, [][]string{{"1", "a"}}, 2, 0},
		"NullCopies":        {[][]any{{1, nil, nil}, {1, nil, nil}}, [][]string{{"1", "NULL"}}, 1, 0},
		"SurplusIsApart":    {[][]any{{1, old, "a"}, {1, old, "b"}, {2, old, "x"}}, [][]string{{"1", "b"}, {"2", "x"}}, 0, 1},
		"SurplusOtherOrder": {[][]any{{1, old, "b"}, {1, old, "a"}, {2, old, "x"}}, [][]string{{"1", "b"}, {"2", "x"}}, 0, 1},
		"OlderAndSurplus":   {[][]any{{1, mid, "a"}, {1, old, "b"}, {1, mid, "c"}, {1, mid, "c"}}, [][]string{{"1", "c"}}, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			valid, out := both(t, withRows(t, newJob(t, []string{"id"}, "at", columns...), 2, test.rows...))
			require.Equal(t, table.Counts{Read: int64(len(test.rows)), Deduped: test.deduped, Quarantined: test.surplus}, valid.Counts)
			require.Equal(t, test.want, clean(t, out, "id, v"))
			if test.surplus > 0 {
				require.Equal(t, [][]string{{"1", RuleIDsUnique}}, query(t, "SELECT id, _rule FROM read_parquet('"+valid.Quarantine.Path+"')"))
			}
		})
	}
}

func TestValidateLeavesTablesWithoutIDsAsTheyAre(t *testing.T) {
	valid, out := both(t, withRows(t, newJob(t, nil, "", "v string?"), 1, []any{"a"}, []any{"a"}, []any{nil}))
	require.Equal(t, table.Counts{Read: 3}, valid.Counts)
	require.Empty(t, valid.Rules)
	require.Equal(t, [][]string{{"a", "acme", "eu"}, {"a", "acme", "eu"}, {"NULL", "acme", "eu"}}, clean(t, out, "*"))
}

func TestValidateHoldsRowsAgainstRules(t *testing.T) {
	job := newJob(t, []string{"id"}, "", "id long", "amount decimal(12,2)?", "Note string?")
	job.Spec.Expect = []table.Rule{
		{Name: "not_negative", That: "AMOUNT >= 0 -- said in full", Otherwise: table.Quarantine},
		{Name: "small", That: "amount < 100", Otherwise: table.Quarantine},
		{Name: "noted", That: "note <> ''", Otherwise: table.Warn},
	}
	job = withRows(t, job, 3, []any{1, "5.00", "x"}, []any{2, "-1.00", ""}, []any{3, nil, ""}, []any{4, "200.00", nil}, []any{5, "7.00", ""})

	valid, out := both(t, job)

	require.Equal(t, table.Counts{Read: 5, Quarantined: 2, Warned: 2}, valid.Counts)
	require.Equal(t, []RuleCount{
		{RuleIDsNotNull, table.Quarantine, 0}, {RuleIDsUnique, table.Quarantine, 0},
		{"not_negative", table.Quarantine, 1}, {"small", table.Quarantine, 1}, {"noted", table.Warn, 3},
	}, valid.Rules)
	require.Equal(t, [][]string{{"1"}, {"3"}, {"5"}}, clean(t, out, "id"))
	require.Equal(t, [][]string{{"2", "-1.00", "", "not_negative"}, {"4", "200.00", "NULL", "small"}},
		query(t, "SELECT * FROM read_parquet('"+valid.Quarantine.Path+"') ORDER BY id"))
}

func TestValidateHoldsOnlyTheRowsThatAreLeftAgainstRules(t *testing.T) {
	job := newJob(t, []string{"id"}, "at", "id long", "at date", "ok boolean")
	job.Spec.Expect = []table.Rule{{Name: "is_ok", That: "ok", Otherwise: table.Fail}}
	job = withRows(t, job, 9, []any{1, "2024-01-01", false}, []any{1, "2024-01-02", true})
	valid, out := both(t, job)
	require.Equal(t, table.Counts{Read: 2, Deduped: 1}, valid.Counts)
	require.Equal(t, int64(1), out.Rows)
}

func TestValidateFailsWithTheRuleAndExamples(t *testing.T) {
	job := newJob(t, []string{"id", "code"}, "", "id long", "code string", "n integer")
	job.Spec.Expect = []table.Rule{{Name: "n_even", That: "n % 2 = 0", Otherwise: table.Fail}}
	rows := [][]any{}
	for i := range 10 {
		rows = append(rows, []any{i, "k", i})
	}
	_, err := Validate(context.Background(), withRows(t, job, 4, rows...))
	require.ErrorIs(t, err, ErrRule)
	require.ErrorContains(t, err, `"n_even", by 5 of 10 rows (for example id = 1, code = k; id = 3, code = k; id = 5, code = k)`)
}

func TestValidateKeepsTenantsApart(t *testing.T) {
	job := newJob(t, []string{"client_id", "id"}, "", "Client_ID string?", "id long", "mandant_region string?")
	job.Spec.Rename = map[string]string{"mandant_region": "Region"}
	job = withRows(t, job, 2, []any{"acme", 1, "eu"}, []any{"other", 2, "eu"}, []any{nil, 3, nil}, []any{"acme", 4, "us"}, []any{"ACME", 5, "eu"})

	valid, out := both(t, job)

	require.Equal(t, table.Counts{Read: 5, Quarantined: 3}, valid.Counts)
	require.Equal(t, []string{"client_id", "id", "region"}, out.Schema.Names())
	require.Equal(t, [][]string{{"acme", "1", "eu"}, {"acme", "3", "eu"}}, clean(t, out, "*"))
	require.Equal(t, [][]string{{"2", "tenant"}, {"4", "tenant"}, {"5", "tenant"}},
		query(t, "SELECT id, _rule FROM read_parquet('"+valid.Quarantine.Path+"') ORDER BY id"))
}

func TestValidateOfNothing(t *testing.T) {
	job := newJob(t, []string{"id"}, "at", "id long", "at timestamp")
	job.Spec.Expect = []table.Rule{{Name: "r", That: "id > 0", Otherwise: table.Fail}}
	for name, job := range map[string]Job{"NoFiles": job, "EmptyFile": withEmptyFile(t, job)} {
		t.Run(name, func(t *testing.T) {
			valid, out := both(t, job)
			require.Equal(t, table.Counts{}, valid.Counts)
			require.Equal(t, []string{"id", "at", "client_id", "region"}, out.Schema.Names())
			require.Empty(t, out.Files)
		})
	}
}

func withEmptyFile(t *testing.T, job Job) Job {
	schema, err := arrowSchema(job.Plan.Schema())
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "empty.arrow")
	writeRaw(t, path, schema)
	job.Raw.Files = []string{path}
	return job
}

func TestRawFilesThatAreNotWholeAreErrRaw(t *testing.T) {
	whole := withRows(t, newJob(t, []string{"id"}, "", "id long", "v string"), 2, []any{1, "a"}, []any{2, "b"}, []any{3, "c"})
	last := whole.Raw.Files[1]
	content, err := os.ReadFile(last)
	require.NoError(t, err)
	for name, damage := range map[string]func(*testing.T, *Job){
		"Missing":      func(t *testing.T, job *Job) { require.NoError(t, os.Remove(last)) },
		"CutInBatch":   func(t *testing.T, job *Job) { require.NoError(t, os.WriteFile(last, content[:len(content)-40], 0o600)) },
		"CutInSchema":  func(t *testing.T, job *Job) { require.NoError(t, os.WriteFile(last, content[:30], 0o600)) },
		"Empty":        func(t *testing.T, job *Job) { require.NoError(t, os.WriteFile(last, nil, 0o600)) },
		"FileNotNamed": func(t *testing.T, job *Job) { job.Raw.Files = job.Raw.Files[:1] },
		"FewerThanSaid": func(t *testing.T, job *Job) {
			job.Raw.Rows = 4
		},
		"MoreThanSaid": func(t *testing.T, job *Job) { job.Raw.Rows = 2 },
		"OtherType":    func(t *testing.T, job *Job) { job.Plan.Columns = columns("id long", "v long") },
		"OtherName":    func(t *testing.T, job *Job) { job.Plan.Columns = columns("id long", "w string") },
		"OtherWidth":   func(t *testing.T, job *Job) { job.Plan.Columns = columns("id long") },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(last, content, 0o600))
			job := whole
			damage(t, &job)
			_, err := Validate(context.Background(), job)
			require.ErrorIs(t, err, ErrRaw)
			_, err = Transform(context.Background(), job, Validated{Counts: table.Counts{Read: job.Raw.Rows}})
			require.ErrorIs(t, err, ErrRaw)
			require.NoDirExists(t, filepath.Join(job.Dir, "clean"))
		})
	}
}

func TestValidateRepeatedReplacesWhatItWrote(t *testing.T) {
	job := withRows(t, newJob(t, []string{"id"}, "", "id long?"), 1, []any{nil}, []any{1})
	first, _ := both(t, job)
	second, out := both(t, job)
	require.Equal(t, first, second)
	require.Equal(t, int64(1), out.Rows)
}

func TestValidateOfARuleThatFailsOnAValueHidesTheValue(t *testing.T) {
	job := newJob(t, []string{"id"}, "", "id long", "v string")
	job.Spec.Expect = []table.Rule{{Name: "fine", That: "id > 0", Otherwise: table.Fail}, {Name: "numeric", That: "CAST(v AS INTEGER) > 0", Otherwise: table.Fail}}
	_, err := Validate(context.Background(), withRows(t, job, 9, []any{1, "4"}, []any{2, "jane@example.com"}))
	require.ErrorIs(t, err, ErrExpression)
	require.ErrorContains(t, err, `rule "numeric"`)
	require.NotContains(t, err.Error(), "jane")
}
