package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// facts is what the rows of one batch are.
type facts struct {
	rows, deletes int64
	unique        bool  // no key is there twice
	low, high     []any // by key
}

// check compares every batch with its rows. Rows of another tenant, missing ids and a wrong count are lake.ErrBatch.
func (src *source) check(ctx context.Context, s *session, dir string, schema table.Schema) ([]facts, error) {
	query := src.checkQuery(schema)
	if len(src.batches) == 1 && src.batches[0].Rows >= sortedRows && len(src.batches[0].Files) > 0 && len(src.ids()) > 0 {
		query = src.checkOrderQuery(dir, schema)
	}
	all := make([]facts, len(src.batches))
	err := s.each(ctx, query, func(v []any) error {
		b := int(integer(v[0]))
		if n := integer(v[2]); n > 0 {
			return lake.Incomplete(src.batches[b], "%d rows carry another client or region", n)
		}
		if n := integer(v[3]); n > 0 {
			return lake.Incomplete(src.batches[b], "%d rows have an id that is NULL", n)
		}
		all[b] = src.factsOf(src.batches[b], v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for b, batch := range src.batches {
		if all[b].rows != batch.Rows {
			return nil, lake.Incomplete(batch, "it should have %d rows and its files have %d, stage it again", batch.Rows, all[b].rows)
		}
	}
	if len(all) == 1 && all[0].unique {
		return all, nil
	}
	return all, src.countUnique(ctx, s, all)
}

// factsOf reads a row of checkQuery or checkOrderQuery.
func (src *source) factsOf(batch table.Batch, v []any) facts {
	f := facts{rows: integer(v[1]), deletes: integer(v[4])}
	f.unique, _ = v[5].(bool)
	next := 6
	for _, key := range src.keys {
		switch {
		case strings.EqualFold(key, table.ClientColumn):
			f.low, f.high = append(f.low, batch.Ref.Client), append(f.high, batch.Ref.Client)
		case strings.EqualFold(key, table.RegionColumn):
			f.low, f.high = append(f.low, batch.Ref.Region), append(f.high, batch.Ref.Region)
		default:
			f.low, f.high, next = append(f.low, v[next]), append(f.high, v[next+1]), next+2
		}
	}
	return f
}

// ids are the keys without client_id and region.
func (src *source) ids() []string {
	var ids []string
	for _, key := range src.keys {
		if !strings.EqualFold(key, table.ClientColumn) && !strings.EqualFold(key, table.RegionColumn) {
			ids = append(ids, key)
		}
	}
	return ids
}

// checkQuery returns of each batch its number, how many rows it has, how many of them are another tenant's, have no id, and are deletes;
// whether they are unique, if that is known; and the least and largest of each id, decimals as text.
func (src *source) checkQuery(schema table.Schema) string {
	return "SELECT __b, " + src.counts() + ", NULL" + src.bounds(schema, func(_ int, id string) (low, high string) {
		return "min(" + id + ")", "max(" + id + ")"
	}) + " FROM src GROUP BY __b"
}

// counts are the numbers of rows, of those of another tenant, of those without an id, and of deletes.
func (src *source) counts() string {
	nulls := []string{"false"}
	for _, id := range src.ids() {
		nulls = append(nulls, quote(id)+" IS NULL")
	}
	return "count(*) AS n, count_if(__x) AS x, count_if(" + strings.Join(nulls, " OR ") + ") AS z, count_if(__d) AS d"
}

// bounds lists what of says of each id, behind a comma each.
func (src *source) bounds(schema table.Schema, of func(n int, id string) (low, high string)) string {
	var list strings.Builder
	for n, id := range src.ids() {
		low, high := of(n, quote(id))
		if _, _, ok := schema[schema.Find(id)].Type.DecimalOf(); ok {
			low, high = low+"::VARCHAR", high+"::VARCHAR"
		}
		list.WriteString(", " + low + ", " + high)
	}
	return list.String()
}

// sortedRows is from how many rows on it pays to look whether they are in the order of their ids, which a first load is. Rows in strict order are
// unique, and to see that costs a tenth of counting them.
const sortedRows = 10_000

// sortedParts is in how many parts, as their files follow each other, rows are looked at: several at once.
const sortedParts = 16

// checkOrderQuery is checkQuery of one batch. It is unique if the ids grow from row to row in each part, and the parts do not overlap. That one
// row only has none before it shows that a part was compared in one sequence.
func (src *source) checkOrderQuery(dir string, schema table.Schema) string {
	files := src.batches[0].Files
	var parts []string
	for part := range slices.Chunk(files, (len(files)+sortedParts-1)/sortedParts) {
		parts = append(parts, src.checkPart(src.selectFiles(dir, 0, 0, part, schema)))
	}
	return "SELECT 0, sum(n), sum(x), sum(z), sum(d), bool_and(heads = 1 AND falls = 0 AND (before IS NULL OR low > before))" +
		src.bounds(schema, func(n int, _ string) (low, high string) {
			return fmt.Sprintf("min(low%d)", n), fmt.Sprintf("max(high%d)", n)
		}) + " FROM (SELECT *, lag(high) OVER (ORDER BY low) AS before FROM (" + strings.Join(parts, " UNION ALL ") + ") WHERE n > 0)"
}

func (src *source) checkPart(relation string) string {
	ids := "(" + table.QuoteAll(src.ids(), table.DoubleQuote) + ")"
	var bounds strings.Builder
	for n, id := range src.ids() {
		fmt.Fprintf(&bounds, ", min(%s) AS low%d, max(%[1]s) AS high%[2]d", quote(id), n)
	}
	return "SELECT " + src.counts() + bounds.String() + ", min(" + ids + ") AS low, max(" + ids + ") AS high" +
		", count_if(__grows IS NULL) AS heads, count_if(NOT __grows) AS falls" +
		" FROM (SELECT *, " + ids + " > lag(" + ids + ") OVER () AS __grows FROM (" + relation + "))"
}

// countUnique says of each batch whether its rows are unique.
func (src *source) countUnique(ctx context.Context, s *session, all []facts) error {
	distinct := "1"
	if ids := src.ids(); len(ids) == 1 {
		distinct = quote(ids[0])
	} else if len(ids) > 1 {
		distinct = "hash(" + table.QuoteAll(ids, table.DoubleQuote) + ")" // a collision only costs a look for duplicates
	}
	return s.each(ctx, "SELECT __b, count(DISTINCT "+distinct+") FROM src GROUP BY __b", func(v []any) error {
		f := &all[integer(v[0])]
		f.unique = integer(v[1]) == f.rows
		return nil
	})
}
