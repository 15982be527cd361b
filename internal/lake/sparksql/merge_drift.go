package sparksql

import (
	"context"
	"fmt"
	"regexp"

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
	if err != nil {
		return err
	}
	if has != "" { // perhaps of another process, which has made the table since they were compared
		return m.checkIDs(ctx)
	}
	before, err := m.version(ctx)
	if err != nil {
		return err
	}
	m.lake.forget(m.name) // another process may have been faster
	if _, has, err = m.lake.knownDefinition(ctx, m.name); err != nil {
		return err
	}
	if has == "" {
		if has, err = m.claimIDs(ctx, before); err != nil {
			return err
		}
		m.lake.learn(m.name, m.columns, has)
	}
	return lake.CheckIDs(has, m.batches[0])
}

// claimIDs sets the table's ids, which it had none of at the given version, and returns those that were set first: by this process, or by another
// one that found none either, whose rows are told apart by them. They are then set again, as a property cannot be set only where it is missing.
func (m *merge) claimIDs(ctx context.Context, before int64) (string, error) {
	ours := lake.IDsText(m.batches[0])
	if err := m.lake.exec(ctx, statement{text: setIDs(m.name, ours)}); err != nil {
		return "", err
	}
	ref := m.batches[0].Ref
	commits, err := m.lake.history(ctx, ref.Schema, ref.Table, 0)
	if err != nil {
		return "", err
	}
	first := ours
	for _, commit := range commits { // the newest first
		if found := idsSet.FindStringSubmatch(commit.Parameters["properties"]); commit.Version > before && found != nil {
			first = found[1]
		}
	}
	if first != ours {
		err = m.lake.exec(ctx, statement{text: setIDs(m.name, first)})
	}
	return first, err
}

// idsSet finds lake.IDsProperty among the properties that a commit set, which its history has as JSON.
var idsSet = regexp.MustCompile(`"` + regexp.QuoteMeta(lake.IDsProperty) + `\\?":\\?"([^"\\]*)\\?"`)

// version is the table's newest.
func (m *merge) version(ctx context.Context) (int64, error) {
	ref := m.batches[0].Ref
	commits, err := m.lake.history(ctx, ref.Schema, ref.Table, 1)
	if err != nil || len(commits) == 0 {
		return 0, err
	}
	return commits[0].Version, nil
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
