package sparksql

import (
	"context"
	"fmt"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// checkIDs is lake.ErrSchema when the table's rows are told apart by other ids than the batches'. What was known of the table is read anew
// before anything is refused: it may be another one by now.
func (m *merge) checkIDs(ctx context.Context) error {
	if err := m.compareIDs(ctx); err == nil {
		return nil
	}
	m.lake.forget(m.name)
	return m.compareIDs(ctx)
}

func (m *merge) compareIDs(ctx context.Context) error {
	_, has, err := m.lake.knownDefinition(ctx, m.name)
	if err != nil {
		return err
	}
	return lake.CheckIDs(has, m.batches[0])
}

// settleIDs has a table that does not say which ids it has say so: those of the batches. It was made by someone else, or before its
// first merge.
func (m *merge) settleIDs(ctx context.Context) error {
	_, has, err := m.lake.knownDefinition(ctx, m.name)
	if err == nil && has == "" {
		m.lake.forget(m.name) // another process may have been faster
		_, has, err = m.lake.knownDefinition(ctx, m.name)
	}
	if err == nil && has == "" {
		err = m.lake.exec(ctx, statement{text: setIDs(m.name, lake.IDsText(m.batches[0]))})
		m.lake.forget(m.name)
	}
	if err != nil {
		return err
	}
	return m.checkIDs(ctx)
}

func setIDs(quotedName, ids string) string {
	return fmt.Sprintf("ALTER TABLE %s SET TBLPROPERTIES (%s = %s)", quotedName, literal(lake.IDsProperty), literal(ids))
}

// noteDrift keeps what the batches change in the table's columns. What an earlier attempt changed stays noted.
func (m *merge) noteDrift(current table.Schema) {
	for b, batch := range m.batches {
		if m.notes[b] == "" {
			m.notes[b] = lake.DriftNote(current, batch)
		}
	}
}
