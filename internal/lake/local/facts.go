package local

import (
	"context"
	"fmt"
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
func (src *source) check(ctx context.Context, s *session, schema table.Schema) ([]facts, error) {
	all := make([]facts, len(src.batches))
	err := s.each(ctx, src.checkQuery(schema), func(v []any) error {
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
	return all, src.findUnique(ctx, s, all)
}

// factsOf reads a row of checkQuery.
func (src *source) factsOf(batch table.Batch, v []any) facts {
	f := facts{rows: integer(v[1]), deletes: integer(v[4])}
	next := 5
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

func (src *source) checkQuery(schema table.Schema) string {
	bounds, nulls := "", []string{"false"}
	for _, key := range src.ids() {
		low, high := fmt.Sprintf("min(%s)", quote(key)), fmt.Sprintf("max(%s)", quote(key))
		if _, _, ok := schema[schema.Find(key)].Type.DecimalOf(); ok {
			low, high = low+"::VARCHAR", high+"::VARCHAR"
		}
		bounds, nulls = bounds+", "+low+", "+high, append(nulls, quote(key)+" IS NULL")
	}
	return fmt.Sprintf("SELECT __b, count(*), count_if(__x), count_if(%s), count_if(__d)%s FROM src GROUP BY __b", strings.Join(nulls, " OR "), bounds)
}

// sortedRows is from how many rows on it pays to look whether they are in the order of their ids.
const sortedRows = 10_000

// findUnique says of each batch whether its rows are unique. Rows in strict order are, and to see that costs a tenth of counting them; a first
// load is read in that order.
func (src *source) findUnique(ctx context.Context, s *session, all []facts) error {
	if len(all) == 1 && all[0].rows >= sortedRows {
		var err error
		if all[0].unique, err = src.inOrder(ctx, s); err != nil || all[0].unique {
			return err
		}
	}
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

// inOrder says whether the ids, of which none is NULL, grow from row to row. That one row only has none before it shows that the rows were
// compared in one sequence.
func (src *source) inOrder(ctx context.Context, s *session) (ordered bool, err error) {
	ids := table.QuoteAll(src.ids(), table.DoubleQuote)
	query := fmt.Sprintf("SELECT count_if(__grows IS NULL), count_if(NOT __grows) FROM (SELECT (%[1]s) > lag((%[1]s)) OVER () AS __grows FROM src)", ids)
	err = s.each(ctx, query, func(v []any) error {
		ordered = integer(v[0]) == 1 && integer(v[1]) == 0
		return nil
	})
	return ordered, err
}
