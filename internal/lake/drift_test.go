package lake

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// columns reads pairs of names and types.
func columns(namesAndTypes ...string) table.Schema {
	var schema table.Schema
	for i := 0; i < len(namesAndTypes); i += 2 {
		schema = append(schema, table.Column{Name: namesAndTypes[i], Type: table.Type(namesAndTypes[i+1]), Nullable: true})
	}
	return schema
}

func batchWith(client, policy string, namesAndTypes ...string) table.Batch {
	b := batchOf(client)
	b.Schema, b.Drift = columns(namesAndTypes...), policy
	return b
}

func TestEvolve(t *testing.T) {
	always := func(_, _ table.Type) bool { return true }
	never := func(_, _ table.Type) bool { return false }
	current := columns("id", "long", "n", "integer")
	for name, test := range map[string]struct {
		current table.Schema
		batches []table.Batch
		widens  func(from, to table.Type) bool
		want    table.Schema // nil: ErrSchema
	}{
		"OKNewTable":                {nil, []table.Batch{batchWith("a", table.DriftFail, "id", "long")}, nil, columns("id", "long")},
		"OKSame":                    {current, []table.Batch{batchWith("a", table.DriftFail, "N", "integer", "ID", "long")}, nil, current},
		"OKNarrower":                {current, []table.Batch{batchWith("a", table.DriftFail, "id", "byte", "n", "short")}, always, current},
		"OKAdded":                   {current, []table.Batch{batchWith("a", "", "x", "string"), batchWith("b", table.DriftEvolve, "X", "string", "y", "date")}, nil, columns("id", "long", "n", "integer", "x", "string", "y", "date")},
		"OKIgnored":                 {current, []table.Batch{batchWith("a", table.DriftIgnore, "x", "string")}, nil, current},
		"OKAddedWidestLast":         {current, []table.Batch{batchWith("a", "", "x", "byte"), batchWith("b", "", "x", "decimal(12,2)")}, nil, columns("id", "long", "n", "integer", "x", "decimal(12,2)")},
		"OKAddedWidestFirst":        {current, []table.Batch{batchWith("a", "", "x", "decimal(12,2)"), batchWith("b", "", "x", "byte")}, nil, columns("id", "long", "n", "integer", "x", "decimal(12,2)")},
		"OKNewTableWidest":          {nil, []table.Batch{batchWith("a", "", "x", "short"), batchWith("b", "", "x", "byte"), batchWith("c", "", "x", "long")}, nil, columns("x", "long")},
		"OKWidened":                 {current, []table.Batch{batchWith("a", "", "n", "long")}, always, columns("id", "long", "n", "long")},
		"OKWidenedTwice":            {current, []table.Batch{batchWith("a", "", "n", "long"), batchWith("b", "", "n", "short"), batchWith("c", "", "n", "decimal(20,0)")}, always, columns("id", "long", "n", "decimal(20,0)")},
		"OKAddedIsWidenedByIgnorer": {current, []table.Batch{batchWith("a", "", "x", "byte"), batchWith("b", table.DriftIgnore, "x", "long")}, nil, columns("id", "long", "n", "integer", "x", "long")},
		"ErrNoWidening":             {current, []table.Batch{batchWith("a", "", "n", "long")}, nil, nil},
		"ErrLakeDoesNotWiden":       {current, []table.Batch{batchWith("a", "", "n", "long")}, never, nil},
		"ErrIgnoreDoesNotWiden":     {current, []table.Batch{batchWith("a", table.DriftIgnore, "n", "long")}, always, nil},
		"ErrFailDoesNotWiden":       {current, []table.Batch{batchWith("a", table.DriftFail, "n", "long")}, always, nil},
		"ErrFail":                   {current, []table.Batch{batchWith("a", table.DriftFail, "x", "string")}, always, nil},
		"ErrOtherType":              {current, []table.Batch{batchWith("a", "", "n", "string")}, always, nil},
		"ErrLongIsNoDouble":         {current, []table.Batch{batchWith("a", "", "id", "double")}, always, nil},
		"ErrNoCommonType":           {current, []table.Batch{batchWith("a", "", "n", "long"), batchWith("b", "", "n", "decimal(12,2)")}, always, nil},
		"ErrAddedNoCommonType":      {current, []table.Batch{batchWith("a", "", "x", "date"), batchWith("b", "", "x", "string")}, always, nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := fmt.Sprint(test.current)
			got, err := Evolve(test.current, test.batches, test.widens)
			require.Equal(t, before, fmt.Sprint(test.current), "the table's schema is the caller's")
			if test.want == nil {
				require.ErrorIs(t, err, ErrSchema)
				require.ErrorContains(t, err, "client")
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestEvolveAsksForTheTypesOfTheTable(t *testing.T) {
	var asked []string
	_, err := Evolve(columns("n", "byte"), []table.Batch{batchWith("a", "", "n", "short"), batchWith("b", "", "n", "long")}, func(from, to table.Type) bool {
		asked = append(asked, string(from+" "+to))
		return true
	})
	require.NoError(t, err)
	require.Equal(t, []string{"byte short", "byte long"}, asked, "the lake changes the column once")
}

func TestEvolveKeepsCommentsAndNullability(t *testing.T) {
	current := table.Schema{{Name: "id", Type: table.Byte, Comment: "kept"}}
	b := batchWith("a", "", "id", "short", "x", "string")
	b.Schema[0].Comment, b.Schema[1].Comment, b.Schema[1].Nullable = "ignored", "new", false
	got, err := Evolve(current, []table.Batch{b}, func(_, _ table.Type) bool { return true })
	require.NoError(t, err)
	require.Equal(t, table.Schema{{Name: "id", Type: table.Short, Comment: "kept"}, {Name: "x", Type: table.String, Comment: "new", Nullable: true}}, got)
}
