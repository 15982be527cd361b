package lake_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

var central = table.Ref{Schema: "central", Table: "orders"}

// columns writes a schema as name, type, name, type, …
func columns(namesAndTypes ...string) table.Schema {
	var schema table.Schema
	for i := 0; i < len(namesAndTypes); i += 2 {
		schema = append(schema, table.Column{Name: namesAndTypes[i], Type: table.Type(namesAndTypes[i+1]), Nullable: true})
	}
	return schema
}

func want(drift string, schema table.Schema, clients ...string) lake.Want {
	return lake.Want{Clients: clients, Columns: schema, Drift: drift, PartitionBy: []string{"region"}}
}

func always(table.Type, table.Type) bool { return true }

func TestATableIsCombinedOfAllClients(t *testing.T) {
	for name, test := range map[string]struct {
		current table.Schema
		wants   []lake.Want
		widens  func(from, to table.Type) bool
		columns table.Schema
		refused []string // the first client of each
	}{
		"OKNewTakesTheWidest": {
			wants:   []lake.Want{want("", columns("id", "integer"), "a"), want("fail", columns("id", "long", "note", "string"), "b"), want("", columns("ID", "short"), "c")},
			columns: columns("id", "long", "note", "string"),
		},
		"OKExistingIsWidened": {
			current: columns("id", "integer"), wants: []lake.Want{want("", columns("id", "long"), "a")}, widens: always,
			columns: columns("id", "long"),
		},
		"OKIgnoreLeavesOut": {
			current: columns("id", "integer"), wants: []lake.Want{want("ignore", columns("id", "integer", "x", "string"), "a")},
			columns: columns("id", "integer"),
		},
		"OKNothing": {current: columns("id", "integer"), columns: columns("id", "integer")},
		"ErrOneOfThree": {
			wants:   []lake.Want{want("", columns("id", "integer"), "a"), want("", columns("id", "string", "x", "date"), "b"), want("", columns("id", "long"), "c")},
			columns: columns("id", "long"), refused: []string{"b"},
		},
		"ErrExistingIsNotWidened": {
			current: columns("id", "integer"), wants: []lake.Want{want("", columns("id", "long"), "a", "b", "c")},
			columns: columns("id", "integer"), refused: []string{"a"},
		},
		"ErrDrift": {
			current: columns("id", "integer"), wants: []lake.Want{want("fail", columns("id", "integer", "x", "string"), "a")}, widens: always,
			columns: columns("id", "integer"), refused: []string{"a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			combined, refused := lake.Combine(test.current, central, test.wants, test.widens)
			require.Equal(t, test.columns, combined)
			var clients []string
			for _, r := range refused {
				require.ErrorIs(t, r.Err, lake.ErrSchema)
				clients = append(clients, r.Want.Clients[0])
			}
			require.Equal(t, test.refused, clients)
		})
	}
}

func TestRefusalsNameTheClientsThatAreAlike(t *testing.T) {
	_, refused := lake.Combine(columns("id", "integer"), central, []lake.Want{want("", columns("id", "string"), "a", "b", "c")}, nil)
	require.ErrorContains(t, refused[0].Err, `client a and 2 others, table central.orders: column "id" is string at the source and integer in the table`)
}

func TestDifferencesSayWhatBecomesOfThem(t *testing.T) {
	now := lake.Table{Columns: columns("id", "long", "amount", "integer"), PartitionBy: []string{"REGION"}}
	same := columns("id", "integer", "amount", "integer")
	for name, test := range map[string]struct {
		now    *lake.Table
		wants  []lake.Want
		widens func(from, to table.Type) bool
		found  []lake.Difference
	}{
		"Equal":         {now: &now, wants: []lake.Want{want("", same, "a", "b")}},
		"NoSourceKnown": {now: &now},
		"Missing": {wants: []lake.Want{want("", same, "a"), want("", columns("id", "string"), "b")}, found: []lake.Difference{
			{Subject: lake.SubjectTable, Source: "2 columns", Effect: lake.EffectCreated},
			{Subject: lake.SubjectType, Column: "id", Lake: "integer", Source: "string", Clients: []string{"b"}, Effect: lake.EffectFails},
			{Subject: lake.SubjectColumn, Column: "amount", Lake: "integer", Clients: []string{"a"}, Without: []string{"b"}, Effect: lake.EffectNull},
		}},
		"Dropped": {now: &now, wants: []lake.Want{want("", same[:1], "b"), want("fail", same[:1], "a", "b")}, found: []lake.Difference{
			{Subject: lake.SubjectColumn, Column: "amount", Lake: "integer", Without: []string{"a", "b"}, Effect: lake.EffectNull},
		}},
		"Widened": {now: &now, widens: always, wants: []lake.Want{want("", columns("id", "long", "amount", "long"), "a"), want("", same, "b")}, found: []lake.Difference{
			{Subject: lake.SubjectType, Column: "amount", Lake: "integer", Source: "long", Clients: []string{"a"}, Effect: lake.EffectWidened},
		}},
		"NotWidenedByDrift": {now: &now, widens: always, wants: []lake.Want{want("ignore", columns("id", "long", "amount", "long"), "a")}, found: []lake.Difference{
			{Subject: lake.SubjectType, Column: "amount", Lake: "integer", Source: "long", Clients: []string{"a"}, Effect: lake.EffectFails},
		}},
		"NewByDrift": {now: &now, wants: []lake.Want{
			want("", append(same[:2:2], columns("X", "string")...), "a"), want("ignore", append(same[:2:2], columns("x", "string")...), "b"),
			want("fail", append(same[:2:2], columns("x", "string")...), "c"), want("", same, "d"),
		}, found: []lake.Difference{
			{Subject: lake.SubjectColumn, Column: "X", Source: "string", Clients: []string{"a"}, Without: []string{"d"}, Effect: lake.EffectAdded},
			{Subject: lake.SubjectColumn, Column: "X", Source: "string", Clients: []string{"b"}, Without: []string{"d"}, Effect: lake.EffectIgnored},
			{Subject: lake.SubjectColumn, Column: "X", Source: "string", Clients: []string{"c"}, Without: []string{"d"}, Effect: lake.EffectFails},
		}},
		"NewOfTypesThatDoNotGoTogether": {now: &now, wants: []lake.Want{
			want("", append(same[:2:2], columns("x", "string")...), "a"), want("", append(same[:2:2], columns("x", "date")...), "b"),
		}, found: []lake.Difference{
			{Subject: lake.SubjectColumn, Column: "x", Source: "string", Clients: []string{"a"}, Effect: lake.EffectAdded},
			{Subject: lake.SubjectColumn, Column: "x", Source: "date", Clients: []string{"b"}, Effect: lake.EffectFails},
		}},
		"Layout": {now: &lake.Table{Columns: same, ClusterBy: []string{"id"}}, wants: []lake.Want{want("", same, "a"), want("fail", same, "a")}, found: []lake.Difference{
			{Subject: lake.SubjectLayout, Lake: "clustered by id", Source: "partitioned by region", Effect: lake.EffectKept},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.found, lake.Diff(test.now, central, test.wants, test.widens))
		})
	}
}

func TestConfiguredPropertiesDifferFromTheLakes(t *testing.T) {
	now := lake.Table{Columns: columns("id", "long"), PartitionBy: []string{"region"}, Properties: map[string]string{"a": "1", "b": "2", "only.the.lake": "x", "token": "*********(redacted)"}}
	wanted := want("", columns("id", "long"), "acme")
	wanted.Properties = map[string]string{"a": "1", "b": "3", "c": "", "token": "t"}
	require.Equal(t, []lake.Difference{
		{Subject: lake.SubjectProperty, Property: "b", Lake: "2", Source: "3", Effect: lake.EffectKept},
		{Subject: lake.SubjectProperty, Property: "c", Effect: lake.EffectKept},
	}, lake.Diff(&now, central, []lake.Want{wanted, wanted}, nil))
}

func TestOnlyCommentsOfSourcesThatTheLakeLacksDiffer(t *testing.T) {
	for name, test := range map[string]struct {
		lake    string
		sources []string // of clients a, b, …
		want    []lake.Difference
	}{
		"OKSame":          {"x", []string{"x"}, nil},
		"OKSameAsOne":     {"x", []string{"y", "x"}, nil},
		"OKOnlyInTheLake": {"x", []string{"", ""}, nil},
		"OKNone":          {"", []string{""}, nil},
		"Differs": {"x", []string{"y", "y", "z"}, []lake.Difference{
			{Subject: lake.SubjectComment, Lake: "x", Source: "y", Clients: []string{"a", "b"}, Effect: lake.EffectKept},
			{Subject: lake.SubjectComment, Column: "id", Lake: "x", Source: "y", Clients: []string{"a", "b"}, Effect: lake.EffectKept},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			now := lake.Table{Columns: columns("id", "long"), Comment: test.lake}
			now.Columns[0].Comment = test.lake
			var wants []lake.Want
			for i, comment := range test.sources {
				w := lake.Want{Clients: []string{string(rune('a' + i))}, Columns: columns("id", "long"), Comment: comment}
				w.Columns[0].Comment = comment
				wants = append(wants, w)
			}
			require.Equal(t, test.want, lake.Diff(&now, central, wants, nil))
		})
	}
}
