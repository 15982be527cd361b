package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tributary/internal/table"
)

// A file of clean rows ends at the first raw batch that reaches one of these.
const (
	fileRows  = 1 << 20
	fileBytes = 512 << 20 // in memory; a fraction of that in Parquet
)

// Transform turns the rows that Validate left into central ones and writes them as Parquet files, in the order in which
// they were read. It fails with ErrRule when a SQL step makes ids NULL or equal, and with ErrRaw when the
// raw files are not what was extracted. Repeating it replaces what it wrote before; on an error nothing stays.
func Transform(ctx context.Context, job Job, valid Validated) (_ Transformed, err error) {
	clean := filepath.Join(job.Dir, "clean")
	if err := os.RemoveAll(clean); err != nil {
		return Transformed{}, err
	}
	if err := os.MkdirAll(clean, 0o700); err != nil {
		return Transformed{}, err
	}
	e, release, err := job.engine(ctx)
	if err != nil {
		return Transformed{}, err
	}
	defer func() {
		if err = errors.Join(err, release(err)); err != nil {
			err = errors.Join(err, os.RemoveAll(clean))
		}
	}()
	c, err := newCompiler(e, job)
	if err != nil {
		return Transformed{}, err
	}
	t := &transformation{run: run{compiler: c}, clean: clean}
	if t.program, err = c.steps(ctx); err != nil {
		return Transformed{}, err
	}
	return t.transform(ctx, valid)
}

// transformation is one Transform under way.
type transformation struct {
	run
	program *program
	clean   string
}

func (t *transformation) transform(ctx context.Context, valid Validated) (Transformed, error) {
	out := Transformed{Schema: t.program.schema}
	counts := valid.Counts
	if counts.Read != t.job.Raw.Rows {
		return out, fmt.Errorf("%w: %d rows were validated, %d were extracted", ErrRaw, counts.Read, t.job.Raw.Rows)
	}
	if err := t.setSalts(ctx); err != nil {
		return Transformed{}, err
	}
	p := pass{columns: t.used()}
	if valid.Excluded != "" {
		var err error
		if p.excluded, err = t.loadExcluded(ctx, "read_parquet("+table.Literal(valid.Excluded)+")"); err != nil {
			return Transformed{}, fmt.Errorf("%w: the list of excluded rows: %w", ErrRaw, err)
		}
	}
	if err := t.write(ctx, p, &out); err != nil {
		return Transformed{}, err
	}
	if err := t.keep(ctx, valid, &out); err != nil {
		return Transformed{}, err
	}
	if want := counts.Read - counts.Deduped - counts.Quarantined; out.Rows != want {
		return Transformed{}, fmt.Errorf("%w: %d rows were written, %d passed validation", ErrRaw, out.Rows, want)
	}
	if t.program.idSQL {
		if err := t.checkIDs(ctx, out); err != nil {
			return Transformed{}, err
		}
	}
	return out, nil
}

// setSalts gives the engine the secrets as values; no statement has them in its text.
func (t *transformation) setSalts(ctx context.Context) error {
	for n, reference := range t.program.salts {
		salt := t.job.Salts[reference]
		if salt == "" {
			return fmt.Errorf("%w: the salt %s is empty or unknown", ErrExpression, reference)
		}
		if err := t.engine.exec(ctx, "SET VARIABLE "+saltVariable(n)+" = CAST(? AS VARCHAR)", salt); err != nil {
			return fmt.Errorf("the salt %s cannot be used", reference) // not DuckDB's text: it may quote the value
		}
	}
	return nil
}

// write writes the files: in parts, unless rows are excluded, by their position among all, or a step tells the time, which
// is one for all rows.
func (t *transformation) write(ctx context.Context, p pass, out *Transformed) error {
	parts, err := parts(t.job.Raw.Files)
	if err != nil {
		return err
	}
	if len(parts) < 2 || p.excluded != nil || t.program.clock {
		return t.writePart(ctx, p, 0, out)
	}
	written := make([]Transformed, len(parts))
	err = t.eachPart(ctx, parts, func(ctx context.Context, n int, r run) error {
		part := &transformation{run: r, program: t.program, clean: t.clean}
		if err := part.setSalts(ctx); err != nil {
			return err
		}
		return part.writePart(ctx, p, n, &written[n])
	})
	for _, w := range written {
		out.Files, out.Rows = append(out.Files, w.Files...), out.Rows+w.Rows
	}
	return err
}

// writePart writes the files of one part, one COPY each, within one transaction: now() is the same in all rows.
func (t *transformation) writePart(ctx context.Context, p pass, part int, out *Transformed) (err error) {
	s, err := t.open(ctx, p)
	if err != nil {
		return err
	}
	defer s.close()
	s.maxRows, s.maxBytes = fileRows, fileBytes
	if err := t.engine.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = t.engine.exec(ctx, "COMMIT")
		}
	}()
	query := "SELECT * FROM " + t.program.over(t.left(p), len(t.program.levels))
	for n := 0; ; n++ {
		more, err := s.more()
		if err != nil || !more {
			return err
		}
		path := filepath.Join(t.clean, fmt.Sprintf("part-%05d-%03d.parquet", part, n))
		var file table.File
		err = t.read(s, func() (err error) {
			file, err = t.copyTo(ctx, parquet(query, path, t.rowGroup()))
			return err
		})
		if isRowError(err) {
			return t.blame(ctx, p, err)
		}
		if err != nil {
			return err
		}
		if file.Rows == 0 {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		out.Files = append(out.Files, file)
		out.Rows += file.Rows
	}
}

// used is the raw columns whose values reach the central table.
func (t *transformation) used() []string {
	used := []string{}
	for _, c := range t.raw {
		if !slices.ContainsFunc(t.tenants, func(t tenant) bool { return t.column == c.Name }) {
			used = append(used, c.Name)
		}
	}
	if len(used) == 0 {
		used = append(used, t.raw[0].Name)
	}
	return used
}

// left is the raw rows that are not excluded.
func (t *transformation) left(p pass) string {
	if p.excluded == nil {
		return rawView
	}
	return "(SELECT * FROM " + rawView + " WHERE NOT " + t.names.excluded + ")"
}

// blame finds the step that fails on a value.
func (t *transformation) blame(ctx context.Context, p pass, err error) error {
	if err := t.engine.exec(ctx, "ROLLBACK"); err != nil {
		return err
	}
	p.partial = true
	for n, l := range t.program.levels {
		relation := t.program.over(t.left(p), n+1)
		column := "*"
		if l.column != "" {
			column = table.Quote(l.column, table.DoubleQuote)
		}
		query := "SELECT count(hash(" + column + ")) FROM " + relation
		if column == "*" {
			query = "SELECT count(hash(COLUMNS(*))) FROM " + relation
		}
		stepErr := t.each(ctx, p, func() error { return t.engine.exec(ctx, query) })
		if isRowError(stepErr) {
			return rowError(l.step)
		}
	}
	return err
}

// checkIDs checks the written rows' ids, which a SQL step has changed.
func (t *transformation) checkIDs(ctx context.Context, out Transformed) error {
	if len(out.Files) == 0 {
		return nil
	}
	var nulls []string
	for _, id := range t.program.ids {
		nulls = append(nulls, table.Quote(id, table.DoubleQuote)+" IS NULL")
	}
	query := "SELECT count(*), coalesce(sum(n), 0) - count(*), coalesce(sum(n) FILTER (WHERE " + strings.Join(nulls, " OR ") + "), 0) FROM (SELECT " +
		table.QuoteAll(t.program.ids, table.DoubleQuote) + ", count(*) AS n FROM read_parquet(" + table.Literal(filepath.Join(t.clean, "part-*.parquet")) +
		") GROUP BY ALL)"
	var distinct, surplus, null int64
	if err := t.engine.row(ctx, query, &distinct, &surplus, &null); err != nil {
		return err
	}
	if surplus > 0 || null > 0 {
		return fmt.Errorf("%w: the SQL transforms of %s leave %d rows without an id and %d rows with the id of another; keep ids as they are, or hash them",
			ErrRule, strings.Join(t.program.ids, ", "), null, surplus)
	}
	return nil
}
