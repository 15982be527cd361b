package sparksql

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tributary/internal/lake"
)

// Optimize implements lake.Lake.
func (l *Lake) Optimize(ctx context.Context, schema, name string, how lake.Compaction) (removed, added int, err error) {
	err = retry(ctx, func() error {
		lines, err := l.maps(ctx, optimize(tableName(schema, name), how))
		for _, line := range lines {
			var metrics struct {
				Added   int `json:"numFilesAdded"`
				Removed int `json:"numFilesRemoved"`
			}
			if err := json.Unmarshal([]byte(text(line["metrics"])), &metrics); err != nil {
				return fmt.Errorf("its metrics cannot be read: %w", err)
			}
			removed, added = removed+metrics.Removed, added+metrics.Added
		}
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("optimize %s.%s: %w", schema, name, l.translate(ctx, err))
	}
	return removed, added, nil
}

func optimize(quotedName string, how lake.Compaction) string {
	query := "OPTIMIZE " + quotedName
	var conditions []string
	for _, column := range slices.Sorted(maps.Keys(how.Where)) {
		conditions = append(conditions, fmt.Sprintf("%s IN (%s)", quote(column), literals(how.Where[column])))
	}
	if len(conditions) > 0 {
		query += " WHERE " + strings.Join(conditions, " AND ")
	}
	if len(how.ZOrderBy) > 0 {
		query += " ZORDER BY (" + quoteAll(how.ZOrderBy) + ")"
	}
	return query
}

// Vacuum implements lake.Lake. The server refuses a retention below the table's delta.deletedFileRetentionDuration, a
// week unless it was changed. It does not say how many files it deletes.
func (l *Lake) Vacuum(ctx context.Context, schema, name string, retention time.Duration) (int, error) {
	if retention < 0 {
		return 0, fmt.Errorf("vacuum %s.%s: a retention of %s is negative", schema, name, retention)
	}
	if err := l.exec(ctx, statement{text: vacuum(tableName(schema, name), retention)}); err != nil {
		return 0, fmt.Errorf("vacuum %s.%s: %w", schema, name, l.translate(ctx, err))
	}
	return -1, nil
}

func vacuum(quotedName string, retention time.Duration) string {
	return fmt.Sprintf("VACUUM %s RETAIN %s HOURS", quotedName, strconv.FormatFloat(retention.Hours(), 'f', -1, 64))
}
