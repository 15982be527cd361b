package conformance

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

func testDrift(s *suite) {
	s.merge("2 0 0", s.batch(s.acme(), plain, "SELECT range AS id, 'v' AS v FROM range(2)"))
	wide := func(set ...func(*table.Batch)) table.Batch {
		return s.batch(s.acme(), plain+"; extra integer", "SELECT 1::BIGINT AS id, 'w' AS v, 7::INTEGER AS extra", set...)
	}
	s.run("Fail", func(s *suite) {
		s.refuses(lake.ErrSchema, wide(drift(table.DriftFail)), "extra")
	})
	s.run("Ignore", func(s *suite) {
		s.merge("0 1 0", wide(drift(table.DriftIgnore)))
		require.Equal(s, tenantColumns(plain), s.describe("orders").Columns)
		s.rows(all, "0 v", "1 w")
	})
	s.run("Evolve", func(s *suite) {
		results := s.merge("0 1 0", wide())
		require.Equal(s, "columns of orders: extra added", results[0].Note)
		s.rows("SELECT id, v, extra FROM orders ORDER BY id", "0 v <nil>", "1 w 7")
	})
	s.run("RenamedIsDroppedAndNew", func(s *suite) {
		results := s.merge("0 1 0", s.batch(s.acme(), "id long; v string; renamed integer", "SELECT 1::BIGINT AS id, 'w' AS v, 7::INTEGER AS renamed"))
		require.Contains(s, results[0].Note, "renamed added; the source has no extra (a rename is taken as drop + add")
		s.rows("SELECT id, v, extra, renamed FROM orders ORDER BY id", "0 v <nil> <nil>", "1 w <nil> 7")
	})
	s.run("NarrowerFitsAndCaseDoesNotCount", func(s *suite) {
		rows := `FROM (VALUES (0::SMALLINT, 8::TINYINT), (2, 9)) x("ID", "Extra")`
		before := s.describe("orders").Columns
		s.merge("1 1 0", s.batch(s.acme(), "ID short; Extra byte", rows, func(b *table.Batch) { b.Keys = []string{"ID"} }))
		s.rows("SELECT id, v, extra FROM orders ORDER BY id", "0 <nil> 8", "1 w <nil>", "2 <nil> 9")
		require.Equal(s, before, s.describe("orders").Columns)
	})
	s.run("ErrOtherIDs", func(s *suite) { // of the same client or another one, of some rows or all
		for _, ref := range []table.Ref{s.acme(), s.ref("globex")} {
			for _, reload := range []bool{false, true} {
				other := s.batch(ref, plain, "SELECT 1::BIGINT AS id, 'x' AS v", func(b *table.Batch) { b.Keys, b.Reload = []string{"id", "v"}, reload })
				s.refuses(lake.ErrSchema, other, "its ids", "are id, v", "told apart by id,")
			}
		}
		ref := s.named("made")
		_, err := s.lake.Create(s.Context(), lake.Table{Schema: s.schema, Name: ref.Table, Columns: tenantColumns(plain)})
		require.NoError(s, err)
		with := func(keys ...string) table.Batch {
			return s.batch(ref, plain, "SELECT 1::BIGINT AS id, 'x' AS v", func(b *table.Batch) { b.Keys = keys })
		}
		s.merge("1 0 0", with("v", "id"))
		s.merge("0 0 0", with("ID", "V"))
		s.refuses(lake.ErrSchema, with("id"), "its ids")
		require.Equal(s, lake.IDsText(with("v", "id")), s.describe(ref.Table).Properties[lake.IDsProperty])
	})
	s.run("ErrOther", func(s *suite) {
		for _, policy := range []string{table.DriftEvolve, table.DriftIgnore, table.DriftFail} {
			other := s.batch(s.acme(), "id long; extra string", "SELECT 1::BIGINT AS id, '7' AS extra", drift(policy))
			s.refuses(lake.ErrSchema, other, "extra", "string", "integer")
		}
	})
}

// widenings are types of a column, each wider than the one before.
var widenings = []struct {
	types  []table.Type
	values []string // DuckDB's SQL, of each type
	texts  []string // of each value once the column has the last type
}{
	{[]table.Type{table.Byte, table.Short, table.Integer, table.Long},
		[]string{"(-128)::TINYINT", "(-32768)::SMALLINT", "(-2147483648)::INTEGER", "(-9223372036854775808)::BIGINT"},
		[]string{"-128", "-32768", "-2147483648", "-9223372036854775808"}},
	{[]table.Type{table.Float, table.Double}, []string{"1.5::FLOAT", "0.1::DOUBLE"}, []string{"1.5", "0.1"}},
	{[]table.Type{table.Decimal(5, 2), table.Decimal(12, 2), table.Decimal(38, 10)},
		[]string{"'-999.99'::DECIMAL(5,2)", "'9999999999.99'::DECIMAL(12,2)", "'0.0000000001'::DECIMAL(38,10)"},
		[]string{"-999.9900000000", "9999999999.9900000000", "0.0000000001"}},
	{[]table.Type{table.Integer, table.Decimal(10, 0), table.Decimal(12, 2)},
		[]string{"2147483647::INTEGER", "9999999999::DECIMAL(10,0)", "'0.01'::DECIMAL(12,2)"},
		[]string{"2147483647.00", "9999999999.00", "0.01"}},
	{[]table.Type{table.Long, table.Decimal(20, 0)},
		[]string{"9223372036854775807::BIGINT", "18446744073709551615::DECIMAL(20,0)"},
		[]string{"9223372036854775807", "18446744073709551615"}},
	{[]table.Type{table.Integer, table.Double}, []string{"2147483647::INTEGER", "0.5::DOUBLE"}, []string{"2.147483647e+09", "0.5"}},
}

// testWidening merges a row of each type of all widenings in turn. A lake that does not widen refuses each but the first.
func testWidening(s *suite) {
	steps := 0
	for _, w := range widenings {
		steps = max(steps, len(w.types))
	}
	step := func(ref table.Ref, n int) table.Batch {
		columns, row := "id long", fmt.Sprintf("SELECT %d::BIGINT AS id", n)
		for i, w := range widenings {
			at := min(n, len(w.types)-1)
			columns += fmt.Sprintf("; c%d %s", i, w.types[at])
			row += fmt.Sprintf(", %s AS c%d", w.values[at], i)
		}
		return s.batch(ref, columns, row)
	}
	s.run("SeveralWidthsInOneMerge", func(s *suite) { // a table that is made takes the widest
		var batches []table.Batch
		for _, n := range []int{1, steps - 1, 0} {
			ref := s.ref(fmt.Sprintf("client%d", n))
			ref.Table = "several"
			batches = append(batches, step(ref, n))
		}
		s.merge("1 0 0, 1 0 0, 1 0 0", batches...)
		s.widened("several", 0, 1, steps-1)
	})
	s.merge("1 0 0", step(s.acme(), 0))
	if !s.Widens {
		for i, w := range widenings {
			b := s.batch(s.acme(), fmt.Sprintf("id long; c%d %s", i, w.types[1]), fmt.Sprintf("SELECT 1::BIGINT AS id, %s AS c%d", w.values[1], i))
			s.refuses(lake.ErrSchema, b, fmt.Sprintf("c%d", i), string(w.types[0]), string(w.types[1]))
		}
		return
	}
	s.run("ErrPolicy", func(s *suite) {
		for _, policy := range []string{table.DriftFail, table.DriftIgnore} {
			s.refuses(lake.ErrSchema, s.batch(s.acme(), "id long; c0 long", "SELECT 1::BIGINT AS id, 1::BIGINT AS c0", drift(policy)))
		}
	})
	s.run("OneByOneAndTogether", func(s *suite) {
		s.merge("1 0 0", step(s.acme(), 1))
		s.merge("1 0 0, 1 0 0", step(s.ref("globex"), 2), step(s.ref("initech"), 3))
		s.widened("orders", 0, 1, 2, 3)
	})
	s.run("NarrowedFits", func(s *suite) {
		b := step(s.acme(), 0)
		b.Reload = true
		s.merge("0 0 1", b)
		s.widened("orders", 0, 2, 3)
	})
}

// widened compares the table's columns with the widest types, and its rows, which are those of the given steps.
func (s *suite) widened(name string, steps ...int) {
	s.Helper()
	columns := s.describe(name).Columns
	var selected []string
	for i, w := range widenings {
		column := fmt.Sprintf("c%d", i)
		require.Equal(s, w.types[len(w.types)-1], columns[columns.Find(column)].Type, column)
		selected = append(selected, column)
	}
	want := make([]string, len(steps))
	for k, n := range steps {
		var texts []string
		for _, w := range widenings {
			texts = append(texts, w.texts[min(n, len(w.texts)-1)])
		}
		want[k] = strings.Join(texts, " ")
	}
	s.rows("SELECT "+strings.Join(selected, ", ")+" FROM "+name+" ORDER BY id", want...)
}

func testManyColumns(s *suite) {
	var columns, values []string
	for i := range 300 {
		columns, values = append(columns, fmt.Sprintf("c%d integer", i)), append(values, fmt.Sprintf("%d::INTEGER AS c%d", i, i))
	}
	b := s.batch(s.acme(), "id long; "+strings.Join(columns, "; "), "SELECT range AS id, "+strings.Join(values, ", ")+" FROM range(10)")
	s.merge("10 0 0", b)
	s.merge("0 0 0", b)
	s.rows("SELECT count(*), sum(c299) FROM orders", "10 2990")
	require.Len(s, s.describe("orders").Columns, 303)
}
