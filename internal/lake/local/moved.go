package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// addElsewhere adds the rows that clients who have moved have under other regions. It comes after addMissing, whose bound on deletes does
// not count them.
func (m *merge) addElsewhere(ctx context.Context) error {
	for b, batch := range m.src.batches {
		if !batch.Moved || slices.Contains(m.adopted, b) {
			continue
		}
		deletes := fmt.Sprintf("SELECT count(*) FROM changed WHERE b = %d AND r IS NULL", b)
		before, err := m.countOne(ctx, deletes)
		if err != nil {
			return err
		}
		err = m.exec(ctx, fmt.Sprintf("INSERT INTO changed SELECT %d, NULL, true, t.__f, t.__n FROM (%s) t WHERE t.%s = %s AND t.%s <> %s",
			b, m.files.scan([]string{table.ClientColumn, table.RegionColumn}, nil), quote(table.ClientColumn), table.Literal(batch.Ref.Client),
			quote(table.RegionColumn), table.Literal(batch.Ref.Region)))
		if err != nil {
			return err
		}
		after, err := m.countOne(ctx, deletes)
		if err != nil {
			return err
		}
		if after > before {
			m.elsewhere = append(m.elsewhere, b)
		}
		if err := lake.CheckMoved(batch, m.facts[b].rows-m.facts[b].deletes, after-before); err != nil {
			return err
		}
	}
	return nil
}

// sinceMoved is the time cursor of a row s, NULL for clients whose rows of other regions go: their rows' versions begin when they were read, which is
// when those of the other region end.
func (m *merge) sinceMoved(cursor string) string {
	if cursor == "" || m.elsewhere == nil {
		return cursor
	}
	return fmt.Sprintf("(CASE WHEN NOT list_contains(%s, s.b) THEN %s END)", strings.Join(strings.Fields(fmt.Sprint(m.elsewhere)), ", "), cursor)
}
