package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"tributary/internal/lake"
)

// centralSchema is target.schema of config/daily.yaml.
const centralSchema = "central"

// query returns all rows of a query over the lake.
func query(ctx context.Context, l lake.Lake, sql string, at lake.At) (all [][]any, err error) {
	rows, err := l.Query(ctx, centralSchema, sql, at)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		all = append(all, row)
	}
	return all, rows.Err()
}

// since is a condition on sync_runs: the runs of one sync.
func since(start time.Time) string {
	return "started_at >= '" + start.UTC().Format("2006-01-02 15:04:05.000000") + "+00'"
}

// reportTables says per table what the first sync read.
func (t *tour) reportTables(ctx context.Context, start time.Time) error {
	rows, err := query(ctx, t.lake, "SELECT table_name, count(*), sum(rows_read), sum(rows_inserted), sum(rows_quarantined) "+
		"FROM sync_runs WHERE "+since(start)+" GROUP BY table_name ORDER BY sum(rows_read) DESC", lake.At{})
	if err != nil {
		return fmt.Errorf("read sync_runs: %w", err)
	}
	t.page.table(1, []string{"central table", "shops", "rows read", "in the lake", "quarantined"}, rows)
	return nil
}

// reportChanges says per client what the second sync moved.
func (t *tour) reportChanges(ctx context.Context, start time.Time) error {
	cell := func(name string) string {
		return fmt.Sprintf("max(printf('+%%d ~%%d -%%d', rows_inserted, rows_updated, rows_deleted)) FILTER (WHERE table_name = '%s')", name)
	}
	rows, err := query(ctx, t.lake, "SELECT region, client_id, "+cell("customers")+", "+cell("orders")+", "+cell("order_lines")+", "+
		cell("products")+", sum(rows_read) FROM sync_runs WHERE "+since(start)+" GROUP BY ALL ORDER BY region, client_id", lake.At{})
	if err != nil {
		return fmt.Errorf("read sync_runs: %w", err)
	}
	t.page.table(2, []string{"region", "shop", "customers", "orders", "order_lines", "products", "rows read"}, rows)
	return nil
}

// Queries that the tour runs, and that a user can run again.
const revenue = "SELECT o.region, count(*) AS lines, sum(l.quantity * l.unit_price)::DECIMAL(18,2) AS revenue" +
	" FROM orders o JOIN order_lines l ON l.client_id = o.client_id AND l.order_id = o.id GROUP BY ALL ORDER BY revenue DESC"

// reportRevenue runs one query over all shops, now and as it was before the day of trade.
func (t *tour) reportRevenue(ctx context.Context, before time.Time) error {
	now, err := query(ctx, t.lake, revenue, lake.At{})
	if err != nil {
		return err
	}
	then, err := query(ctx, t.lake, revenue, lake.At{Time: before})
	if err != nil {
		return fmt.Errorf("as of %s: %w", before.Format(time.RFC3339), err)
	}
	yesterday := map[any]any{}
	for _, row := range then {
		yesterday[row[0]] = row[2]
	}
	for i, row := range now {
		now[i] = append(row, yesterday[row[0]])
	}
	t.page.table(1, []string{"region", "order lines", "revenue", "as of the first sync"}, now)
	return nil
}

func count(n int) string { return humanize.Comma(int64(n)) }
