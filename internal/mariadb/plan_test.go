package mariadb

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestPlanFollowsTheSpec(t *testing.T) {
	f := newFixture(t,
		"create table orders (id int not null comment 'the key', Mandant int not null, note text, secret text, updated_at timestamp(6) null, gone bit(1), "+
			"primary key (Mandant, id)) comment='All orders'")
	f.client.Columns = map[string]string{"MANDANT": "client_no"}
	s := f.open()

	t.Run("OK by default every column, and the primary key in its order", func(t *testing.T) {
		plan := f.plan(s, table.Spec{Name: "orders"})
		assert.Equal(t, []string{"client_no", "id"}, plan.IDs)
		assert.Equal(t, "All orders", plan.Comment)
		assert.Equal(t, []string{"id", "client_no", "note", "secret", "updated_at", "gone"}, plan.Schema().Names())
		assert.Equal(t, table.SourceColumn{Source: "Mandant", Name: "client_no", SourceType: "int(11)", Type: table.Integer}, plan.Columns[1])
		assert.Equal(t, "the key", plan.Columns[0].Comment)
		assert.True(t, plan.Columns[2].Nullable)
		assert.Empty(t, plan.CursorKind)
	})
	t.Run("OK columns, with those that are needed anyway, in any case", func(t *testing.T) {
		plan := f.plan(s, table.Spec{
			Name: "orders", Columns: []string{"NOTE"}, IDs: []string{"ID"}, Cursor: "Updated_At",
			Deletes: table.Deletes{Column: "gone"}, Rename: map[string]string{"Note": "remark"},
		})
		assert.Equal(t, []string{"id", "note", "updated_at", "gone"}, plan.Schema().Names())
		assert.Equal(t, []string{"id"}, plan.IDs)
		assert.Equal(t, "updated_at", plan.Cursor)
		assert.Equal(t, table.CursorTime, plan.CursorKind)
	})
	t.Run("OK exclude", func(t *testing.T) {
		assert.Equal(t, []string{"id", "client_no", "note", "updated_at", "gone"}, f.plan(s, table.Spec{Name: "orders", Exclude: []string{"Secret"}}).Schema().Names())
	})
}

func TestPlanErrors(t *testing.T) {
	f := newFixture(t, "create table orders (id int primary key, customer_id int, amount decimal(9,2) not null, updated_at datetime)",
		"create table heap (a int not null)")
	for _, c := range []struct {
		name string
		spec table.Spec
		want error
		says []string
	}{
		{"table", table.Spec{Name: "order"}, ErrMissing, []string{`table "order"`, `did you mean "orders"?`}},
		{"id", table.Spec{Name: "orders", IDs: []string{"idd"}}, ErrMissing, []string{`"idd" (id)`, `did you mean "id"?`}},
		{"all that is missing", table.Spec{Name: "orders", IDs: []string{"idd"}, Cursor: "updated", Exclude: []string{"id", "nope"}}, ErrMissing,
			[]string{`missing at the source: column "idd" (id); did you mean "id"?, column "updated" (cursor)`, `column "nope" (exclude)`}},
		{"cursor", table.Spec{Name: "orders", Cursor: "updated"}, ErrMissing, []string{"cursor", `did you mean "updated_at"?`}},
		{"columns", table.Spec{Name: "orders", Columns: []string{"amounts"}}, ErrMissing, []string{`did you mean "amount"?`}},
		{"exclude", table.Spec{Name: "orders", Exclude: []string{"custmer_id"}}, ErrMissing, []string{`did you mean "customer_id"?`}},
		{"rename", table.Spec{Name: "orders", Rename: map[string]string{"amout": "x"}}, ErrMissing, []string{"rename", `did you mean "amount"?`}},
		{"deletes", table.Spec{Name: "orders", Deletes: table.Deletes{Column: "zzz"}}, ErrMissing, []string{"deletes.column", `"zzz"`}},
		{"excluded id", table.Spec{Name: "orders", Exclude: []string{"ID"}}, ErrMissing, []string{`"id" is excluded`}},
		{"excluded cursor", table.Spec{Name: "orders", Cursor: "updated_at", Exclude: []string{"updated_at"}}, ErrMissing, []string{"is excluded"}},
		{"renamed but excluded", table.Spec{Name: "orders", Exclude: []string{"amount"}, Rename: map[string]string{"amount": "x"}}, ErrMissing, []string{"not read"}},
		{"nullable id", table.Spec{Name: "orders", IDs: []string{"customer_id"}}, ErrUnsupported, []string{`"customer_id" is nullable`}},
		{"no id", table.Spec{Name: "heap"}, ErrUnsupported, []string{"no primary key", "ids"}},
		{"cursor of an unusable type", table.Spec{Name: "orders", Cursor: "amount"}, ErrUnsupported, []string{`"amount" is a decimal(9,2)`}},
	} {
		t.Run("Err "+c.name, func(t *testing.T) {
			err := f.planError(c.spec)
			require.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, `client "acme"`)
			for _, text := range c.says {
				assert.ErrorContains(t, err, text)
			}
		})
	}
	t.Run("Err two columns of one common name", func(t *testing.T) {
		f.client.Columns = map[string]string{"customer_id": "ID"}
		err := f.planError(table.Spec{Name: "orders"})
		require.ErrorIs(t, err, ErrUnsupported)
		assert.ErrorContains(t, err, `"id" and "customer_id"`)
	})
}

func TestOneBrokenTableLeavesTheOthersPlanned(t *testing.T) {
	f := newFixture(t, "create table a (id int primary key)", "create table b (id int primary key)")
	planned, err := f.open().Plan(t.Context(), []table.Spec{{Name: "a"}, {Name: "nope"}, {Name: "b"}})
	require.NoError(t, err)
	require.Len(t, planned, 3)
	assert.NoError(t, planned[0].Err)
	assert.ErrorIs(t, planned[1].Err, ErrMissing)
	assert.NoError(t, planned[2].Err)
}

func TestOddNames(t *testing.T) {
	f := newFixture(t, "create table `my``odd. table` (`select` int primary key, `a``b` int, `c.d` int, `e f` int, `ÜBER` int, `MixedCase` int)",
		"insert into `my``odd. table` values (1,2,3,4,5,6)")
	spec := table.Spec{Name: "my`odd. table", Cursor: "select"}
	raw, rows := f.run(spec, "")
	assert.Equal(t, [][]string{{"1", "2", "3", "4", "5", "6"}}, rows)
	assert.Equal(t, "2", raw.Watermark)
	assert.Equal(t, []string{"select", "a`b", "c.d", "e f", "ÜBER", "MixedCase"}, f.plan(f.open(), spec).Schema().Names())
}

func TestViewsNeedIDs(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v int)", "insert into t values (1,2)", "create view w as select id, v + 1 as v from t")
	require.ErrorIs(t, f.planError(table.Spec{Name: "w"}), ErrUnsupported)
	spec := table.Spec{Name: "w", IDs: []string{"id"}}
	assert.Empty(t, f.plan(f.open(), spec).Comment)
	_, rows := f.run(spec, "")
	assert.Equal(t, [][]string{{"1", "3"}}, rows)
}

func TestWhere(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, status varchar(9))", "insert into t values (1,'new'),(2,'draft'),(3,null)")
	t.Run("OK", func(t *testing.T) {
		for where, want := range map[string]string{
			"status <> 'draft'": "1", "status is null or id = 2": "2|3", "id > 1 -- a comment": "2|3", "id = 1 # another": "1",
		} {
			spec := table.Spec{Name: "t", Where: where, Cursor: "id"}
			s := f.open()
			require.NoError(t, s.CheckQuery(t.Context(), spec, f.plan(s, spec)), where)
			_, rows := f.run(spec, "")
			assert.Equal(t, want, column(rows, 0), where)
		}
	})
	for name, where := range map[string]string{
		"syntax": "status <>", "unknown column": "stat = 1", "unknown function": "nope(id)", "not a condition": "id = 1 order by id",
		"undoing the window": "1=1) or (1=1", "second statement": "1=1; drop table t",
	} {
		t.Run("Err "+name, func(t *testing.T) {
			spec := table.Spec{Name: "t", Where: where, Cursor: "id"}
			s := f.open()
			err := s.CheckQuery(t.Context(), spec, f.plan(s, spec))
			require.ErrorIs(t, err, ErrQuery)
			assert.ErrorContains(t, err, `client "acme", table "t"`)
			_, err = f.try(spec, "", "", "")
			assert.ErrorIs(t, err, ErrQuery)
		})
	}
}
