package sparksql

import (
	"context"
	"fmt"
	"strings"

	"tributary/internal/lake"
)

// countGone counts what each reload will delete, and refuses one that would delete too much of its client's rows. Most delete
// nothing: their merge then reads no more of the table than any other.
func (m *merge) countGone(ctx context.Context) error {
	m.gone, m.elsewhere = nil, nil
	if m.reloads() == "" {
		return nil
	}
	gone, elsewhere := make([]int64, len(m.batches)), make([]int64, len(m.batches))
	err := m.lake.each(ctx, statement{text: m.goneQuery()}, func(values []any) error {
		if b := m.batchOf(values); b >= 0 {
			gone[b] += integer(values[2])
		} else if b := m.movedOf(values); b >= 0 {
			elsewhere[b] += integer(values[2])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for b, batch := range m.batches {
		if err := lake.CheckMoved(batch, m.facts[b].rows-m.facts[b].deletes, elsewhere[b]); err != nil {
			return err
		}
	}
	if err := m.guard(ctx, gone); err != nil {
		return err
	}
	for b := range gone {
		gone[b] += elsewhere[b]
	}
	m.gone, m.elsewhere = gone, elsewhere
	return nil
}

// guard refuses reloads that would delete too much, given how many rows of its region each deletes.
func (m *merge) guard(ctx context.Context, gone []int64) error {
	query := m.guardQuery(gone)
	if query == "" {
		return nil
	}
	all := make([]int64, len(m.batches))
	err := m.lake.each(ctx, statement{text: query}, func(values []any) error {
		if b := m.batchOf(values); b >= 0 {
			all[b] += integer(values[2])
		}
		return nil
	})
	if err != nil {
		return err
	}
	for b, batch := range m.batches {
		if err := lake.CheckDeletes(batch, gone[b], all[b]); err != nil {
			return err
		}
	}
	return nil
}

// goneQuery counts by tenant the rows that reloads will delete.
func (m *merge) goneQuery() string {
	return fmt.Sprintf("%s\nSELECT %s, count(*) FROM %s GROUP BY %[2]s", m.with(), tenant("t"), m.missing(m.current(m.name)))
}

// guardQuery counts the rows of the clients of which so many will go that it matters; "" when there are none.
func (m *merge) guardQuery(gone []int64) string {
	var all []string
	for b, batch := range m.batches {
		if lake.Guarded(batch, gone[b]) {
			all = append(all, "("+isOf(batch.Ref)+")")
		}
	}
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf("SELECT %s, count(*) FROM %s AS t WHERE %s GROUP BY %[1]s", tenant("t"), m.current(m.name), strings.Join(all, " OR "))
}
