package sparksql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tributary/internal/lake"
)

// exec runs a statement that returns nothing of use.
func (l *Lake) exec(ctx context.Context, s statement) error {
	return l.each(ctx, s, func([]any) error { return nil })
}

// each runs a statement and calls row with the values of every row, which are its own.
func (l *Lake) each(ctx context.Context, s statement, row func(values []any) error) error {
	_, err := l.scan(ctx, s, row)
	return err
}

// scan is each, and returns the columns' names.
func (l *Lake) scan(ctx context.Context, s statement, row func(values []any) error) ([]string, error) {
	ctx, cancel := l.statementContext(ctx)
	defer cancel()
	rows, err := l.db.QueryContext(ctx, s.text, s.values...)
	if err != nil {
		return nil, l.failed(ctx, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, l.failed(ctx, err)
	}
	for rows.Next() {
		if len(names) == 0 { // the driver says nothing of an answer that was lost
			return nil, fmt.Errorf("%s: the columns of a result were lost on the way", l.where)
		}
		values, err := scanRow(rows, len(names))
		if err == nil {
			err = row(values)
		}
		if err != nil {
			return nil, err
		}
	}
	return names, l.failed(ctx, errors.Join(rows.Err(), rows.Close()))
}

// failed reads an endpoint's error. One that came because the context ended says why that did.
func (l *Lake) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%s: %w", l.where, cause)
	}
	return readError(err)
}

func scanRow(rows *sql.Rows, width int) ([]any, error) {
	values, pointers := make([]any, width), make([]any, width)
	for i := range values {
		pointers[i] = &values[i]
	}
	err := rows.Scan(pointers...)
	return values, err
}

// maps runs a statement and returns its rows by column name: for the few rows of DESCRIBE.
func (l *Lake) maps(ctx context.Context, text string) ([]map[string]any, error) {
	var lines [][]any
	names, err := l.scan(ctx, statement{text: text}, func(values []any) error {
		lines = append(lines, values)
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]map[string]any, len(lines))
	for i, values := range lines {
		all[i] = make(map[string]any, len(names))
		for j, name := range names {
			all[i][name] = values[j]
		}
	}
	return all, nil
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// integer is a whole number of whichever Go type; 0 for anything else.
func integer(value any) int64 {
	switch n := value.(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	case int:
		return int64(n)
	}
	return 0
}

// Bounds of trying again what lost a race.
const (
	maxAttempts = 20
	firstPause  = 100 * time.Millisecond
	longPause   = 5 * time.Second
)

// retry calls attempt again, after a random and growing pause, while other writers' commits come first or the table has
// changed under it.
func retry(ctx context.Context, attempt func() error) error {
	for n := 1; ; n++ {
		err := attempt()
		if !isConflict(err) && !errors.Is(err, errStale) {
			return err
		}
		if n == maxAttempts {
			return fmt.Errorf("%w: gave up after %d attempts: %w", lake.ErrConflict, n, err)
		}
		longest := min(firstPause<<min(n, 10), longPause)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(firstPause + rand.N(longest)):
		}
	}
}
