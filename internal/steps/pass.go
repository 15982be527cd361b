package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/duckdb/duckdb-go/v2"

	"tributary/internal/table"
)

// rawView is the view of the raw rows in every query.
const rawView = "raw"

// pass is what one reading of the raw rows needs.
type pass struct {
	columns  []string // raw names; nil means all
	position bool
	excluded *bitset
	observe  observer
	partial  bool // the query need not read to the end
}

// run is a step under way.
type run struct {
	*compiler
	part     bool  // it has some of the raw files only
	progress int64 // rows read so far, over all passes
}

// each reads the raw rows once: query runs SQL over rawView.
func (r *run) each(ctx context.Context, p pass, query func() error) (err error) {
	s, err := r.open(ctx, p)
	if err != nil {
		return err
	}
	defer s.close()
	if err := r.read(s, query); err != nil {
		return err
	}
	if !p.partial && !errors.Is(s.err, errEnd) { // also checks the number of rows
		return fmt.Errorf("%w: the engine stopped after %d of %d rows", ErrRaw, s.files.rows, r.job.Raw.Rows)
	}
	return nil
}

func (r *run) open(ctx context.Context, p pass) (*scan, error) {
	files, err := newRawFiles(ctx, r.rawOf(), r.raw, r.pool)
	if err != nil {
		return nil, err
	}
	s := &scan{files: files, position: p.position, excluded: p.excluded, observe: p.observe}
	for i, c := range r.raw {
		if p.columns == nil || slices.Contains(p.columns, c.Name) {
			s.columns = append(s.columns, i)
		}
	}
	s.progress = func(rows int64) {
		r.progress += rows
		if r.job.Progress != nil {
			r.job.Progress(r.progress)
		}
	}
	s.describe(r.names)
	return s, nil
}

// read runs a query over a scan. An error of the scan goes before DuckDB's, which would wrap its text.
func (r *run) read(s *scan, query func() error) error {
	release, err := r.engine.view(rawView, s)
	if err != nil {
		return err
	}
	defer release()
	err = query()
	if scanErr := s.Err(); scanErr != nil {
		return scanErr
	}
	return err
}

// isRowError says whether DuckDB failed on a row's values, rather than on the machine's: such an
// error's text may quote the values, and must not leave the region.
func isRowError(err error) bool {
	var duck *duckdb.Error
	if !errors.As(err, &duck) {
		return false
	}
	switch duck.Type {
	case duckdb.ErrorTypeConversion, duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeInvalidInput, duckdb.ErrorTypeMismatchType,
		duckdb.ErrorTypeDivideByZero, duckdb.ErrorTypeInvalid, duckdb.ErrorTypeDecimal, duckdb.ErrorTypeUnknownType,
		duckdb.ErrorTypeInvalidType, duckdb.ErrorTypeConstraint, duckdb.ErrorTypeExpression, duckdb.ErrorTypeExecutor,
		duckdb.ErrorTypeNotImplemented, duckdb.ErrorTypeParameterNotResolved, duckdb.ErrorTypeSyntax, duckdb.ErrorTypeBinder:
		return true
	}
	return false
}

// rowError is what is said of an error on a row's values.
func rowError(what string) error {
	return fmt.Errorf("%s: %w: it fails on a value of some row (which is not shown, as it may be personal); "+
		"use try_cast or try(…) in it, so that such values become NULL", what, ErrExpression)
}

// dictionary is up to how many distinct values a column of a row group has a dictionary. Above a few thousand it saves no space
// that zstd does not, and looking for them cost a tenth of the time.
const dictionary = 4000

// parquet is the format of every file that the steps write.
func parquet(query, path string, rowGroup int64) string {
	return fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT %d, ROW_GROUP_SIZE %d, RETURN_STATS, %s)",
		query, table.Literal(path), dictionary, rowGroup, table.SparkCalendar)
}

// copyTo runs a COPY made by parquet and returns the file.
func (r *run) copyTo(ctx context.Context, statement string) (table.File, error) {
	rows, err := r.engine.conn.QueryContext(ctx, statement)
	if err != nil {
		return table.File{}, err
	}
	defer rows.Close()
	var f table.File
	var footer, columns, partition any
	if !rows.Next() {
		return table.File{}, errors.Join(errors.New("DuckDB reports no file"), rows.Err())
	}
	if err := rows.Scan(&f.Path, &f.Rows, &f.Bytes, &footer, &columns, &partition); err != nil {
		return table.File{}, err
	}
	return f, rows.Err()
}

// rowGroup is how many rows a row group has: fewer for wide rows, since DuckDB holds one per thread in memory.
func (r *run) rowGroup() int64 {
	const most, least, bytes = 122880, 2048, 64 << 20
	if r.job.Raw.Rows == 0 || r.job.Raw.Bytes <= 0 {
		return most
	}
	return min(most, max(least, bytes/max(1, r.job.Raw.Bytes/r.job.Raw.Rows)))
}
