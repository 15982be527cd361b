package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tributary/internal/table"
)

// losses are the rows that lost to another with the same ids.
type losses struct{ older, surplus int64 }

// deduplicate finds the rows that share their ids and excludes all but one of each. What it holds in memory
// grows with the table's ids and with the rows that share them, and spills.
func (v *validation) deduplicate(ctx context.Context) (losses, error) {
	ids := table.QuoteAll(v.ids, table.DoubleQuote)
	statement := "CREATE TEMP TABLE shared AS SELECT " + ids + " FROM " + v.checked(nil) + " WHERE " + v.ok + " GROUP BY ALL HAVING count(*) > 1"
	if err := v.each(ctx, pass{columns: v.needed}, func() error { return v.engine.exec(ctx, statement) }); err != nil {
		return losses{}, err
	}
	var shared int64
	if err := v.engine.row(ctx, "SELECT count(*) FROM shared", &shared); err != nil || shared == 0 {
		return losses{}, err
	}
	statement = "CREATE TEMP TABLE contenders AS SELECT c.* EXCLUDE (" + v.names.nullID + ", " + v.names.foreign + ") FROM " +
		v.checked(nil) + " AS c SEMI JOIN shared USING (" + ids + ") WHERE " + v.ok
	if err := v.each(ctx, pass{position: true}, func() error { return v.engine.exec(ctx, statement) }); err != nil {
		return losses{}, err
	}
	for _, statement := range v.contest() {
		if err := v.engine.exec(ctx, statement); err != nil {
			return losses{}, err
		}
	}
	var l losses
	if err := v.engine.row(ctx, "SELECT count(*) FILTER (WHERE rule IS NULL), count(rule) FROM excluded", &l.older, &l.surplus); err != nil {
		return losses{}, err
	}
	var err error
	v.excluded, err = v.loadExcluded(ctx, "excluded")
	return l, err
}

// contest is the statements that decide between rows with the same ids. The winner has the newest cursor; among
// equal cursors the order is over all columns, so that it is the same row on every run.
func (v *validation) contest() []string {
	quote := func(name string) string { return table.Quote(name, table.DoubleQuote) }
	order, same := []string{}, []string{}
	if v.cursor != "" {
		order = append(order, quote(v.cursor)+" DESC NULLS LAST")
	}
	for _, c := range v.raw {
		order = append(order, quote(c.Name)+" DESC NULLS LAST")
		same = append(same, "c."+quote(c.Name)+" IS NOT DISTINCT FROM w."+quote(c.Name))
	}
	older := "false"
	if v.cursor != "" {
		older = "c." + quote(v.cursor) + " IS DISTINCT FROM w." + quote(v.cursor)
	}
	ids := table.QuoteAll(v.ids, table.DoubleQuote)
	position := v.names.position
	return []string{
		"CREATE TEMP TABLE winners AS SELECT * FROM contenders QUALIFY row_number() OVER (PARTITION BY " + ids +
			" ORDER BY " + strings.Join(append(order, position), ", ") + ") = 1",
		"CREATE TEMP TABLE excluded AS SELECT c." + position + " AS position, CASE WHEN " + older + " OR (" + strings.Join(same, " AND ") +
			") THEN NULL ELSE " + table.Literal(RuleIDsUnique) + " END AS rule FROM contenders AS c JOIN winners AS w USING (" + ids +
			") WHERE c." + position + " <> w." + position,
		"DROP TABLE contenders", "DROP TABLE winners", "DROP TABLE shared",
	}
}

// loadExcluded reads the positions of a relation.
func (r *run) loadExcluded(ctx context.Context, relation string) (*bitset, error) {
	rows, err := r.engine.conn.QueryContext(ctx, "SELECT position FROM "+relation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	set := newBitset(r.job.Raw.Rows)
	for rows.Next() {
		var position int64
		if err := rows.Scan(&position); err != nil {
			return nil, err
		}
		if position < 0 || position >= set.rows {
			return nil, fmt.Errorf("%w: row %d is excluded, of %d", ErrRaw, position, set.rows)
		}
		set.add(position)
	}
	return set, rows.Err()
}

// keepApart writes the quarantined rows, and the list of all rows that Transform leaves out.
func (v *validation) keepApart(ctx context.Context, out Validated, quarantine string) (Validated, error) {
	if err := v.listQuarantined(ctx); err != nil {
		return Validated{}, err
	}
	path := filepath.Join(v.job.Dir, excludedFile)
	file, err := v.copyTo(ctx, parquet("SELECT position FROM excluded ORDER BY position", path, 122880))
	if err != nil {
		return Validated{}, err
	}
	if want := out.Counts.Deduped + out.Counts.Quarantined; file.Rows != want {
		return Validated{}, fmt.Errorf("excluded %d rows, counted %d: the engine contradicts itself", file.Rows, want)
	}
	out.Excluded = path
	if out.Counts.Quarantined == 0 {
		return out, nil
	}
	if err := os.MkdirAll(quarantine, 0o700); err != nil {
		return Validated{}, err
	}
	name := uniqueName("_rule", v.raw)
	query := "SELECT raw.* EXCLUDE (" + v.names.position + "), x.rule AS " + table.Quote(name, table.DoubleQuote) +
		" FROM " + rawView + " JOIN excluded AS x ON x.position = raw." + v.names.position + " WHERE x.rule IS NOT NULL"
	statement := parquet(query, filepath.Join(quarantine, quarantineFile), v.rowGroup())
	err = v.each(ctx, pass{position: true}, func() error {
		file, err = v.copyTo(ctx, statement)
		return err
	})
	if err != nil {
		return Validated{}, err
	}
	if file.Rows != out.Counts.Quarantined {
		return Validated{}, fmt.Errorf("quarantined %d rows, counted %d: the engine contradicts itself", file.Rows, out.Counts.Quarantined)
	}
	out.Quarantine = &file
	return out, nil
}

// listQuarantined adds the rows that break a rule to the table excluded.
func (v *validation) listQuarantined(ctx context.Context) error {
	when := func(flag, name string) string { return "CASE WHEN " + flag + " THEN " + table.Literal(name) + " END" }
	own := []string{"', '"}
	for i, r := range v.rules {
		if r.Otherwise == table.Quarantine {
			own = append(own, when(v.flag(i), r.Name))
		}
	}
	own = append(own, "NULL")
	names := "CASE WHEN " + v.ok + " THEN concat_ws(" + strings.Join(own, ", ") + ") ELSE concat_ws(', ', " +
		when(v.names.nullID, RuleIDsNotNull) + ", " + when(v.names.foreign, RuleTenant) + ") END"
	statement := "CREATE TEMP TABLE IF NOT EXISTS excluded (position BIGINT, rule VARCHAR)"
	if err := v.engine.exec(ctx, statement); err != nil {
		return err
	}
	statement = "INSERT INTO excluded SELECT * FROM (SELECT " + v.names.position + ", " + names + " AS rule FROM " +
		v.checked(v.rules) + ") WHERE rule <> ''"
	p := pass{columns: v.needed, position: true, excluded: v.excluded}
	return v.each(ctx, p, func() error { return v.engine.exec(ctx, statement) })
}

// uniqueName is a name that no column has.
func uniqueName(name string, columns table.Schema) string {
	for columns.Find(name) >= 0 {
		name += "_"
	}
	return name
}
