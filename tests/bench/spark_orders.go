package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// sparkOrders are the columns of orders.sql in a central table.
var sparkOrders = table.Schema{
	{Name: "id", Type: table.Long}, {Name: "client_id", Type: table.String}, {Name: "region", Type: table.String},
	{Name: "customer_id", Type: table.Long}, {Name: "status", Type: table.String}, {Name: "amount", Type: table.Decimal(12, 2)},
	{Name: "tax", Type: table.Decimal(12, 4)}, {Name: "quantity", Type: table.Integer}, {Name: "discount", Type: table.Double},
	{Name: "note", Type: table.String}, {Name: "is_gift", Type: table.Byte}, {Name: "ordered_on", Type: table.Date},
	{Name: "created_at", Type: table.Timestamp}, {Name: "updated_at", Type: table.Timestamp}, {Name: "payload", Type: table.String},
	{Name: "sku", Type: table.String},
}

// ordersQuery makes the rows with the given numbers i of the given clients c, as they are after a round of changes.
const ordersQuery = `select i::bigint as id, printf('client_%%03d', c) as client_id, case c %% 2 when 0 then 'eu' else 'us' end as region,
	(i * 7919 %% 100003)::bigint as customer_id, ['new','paid','shipped','cancelled'][1 + i %% 4] as status,
	(i * 37 %% 1000000 / 100 + %[3]d)::decimal(12,2) as amount, if(i %% 5 = 0, null, i * 13 %% 100000 / 10000)::decimal(12,4) as tax,
	(i %% 17)::integer as quantity, if(i %% 3 = 0, null, i %% 100 / 7)::double as discount,
	if(i %% 4 = 0, null, 'note for order ' || i || ' – café') as note, (i %% 2)::tinyint as is_gift,
	date '2020-01-01' + (i %% 2000)::integer as ordered_on, to_timestamp(1577836800 + i) as created_at,
	to_timestamp(1704067200 + i * 3 + %[3]d * 100000000) as updated_at, '{"k":' || i || ',"tags":["a","b"]}' as payload,
	lpad((i %% 100000)::varchar, 12, '0') as sku
	from (%[1]s) rows(i), (%[2]s) clients(c)`

// writeOrders writes rows of orders to a Parquet file.
func writeOrders(ctx context.Context, path, rows, clients string, round int) (err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return fmt.Errorf("open DuckDB: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	query := fmt.Sprintf(ordersQuery, rows, clients, round)
	if _, err := db.ExecContext(ctx, fmt.Sprintf("copy (%s) to %s (format parquet)", query, table.Literal(path))); err != nil {
		return fmt.Errorf("make orders: %w", err)
	}
	return nil
}

// orders makes a central table with the rows of a Parquet file, laid out as a first load leaves it.
func (s *spark) orders(ctx context.Context, schema, name, from string) error {
	def := lake.Table{Schema: schema, Name: name, Columns: sparkOrders, PartitionBy: []string{table.RegionColumn, table.ClientColumn}}
	if _, err := s.lake.Create(ctx, def); err != nil {
		return err
	}
	return s.lake.Exec(ctx, schema, fmt.Sprintf("INSERT INTO %s SELECT * FROM parquet.`%s`", name, from))
}

// batch stages a copy of a file of changes of one client for a table.
func (s *spark) batch(ctx context.Context, client int, schema, name, changes string, rows int64) (table.Batch, error) {
	id := fmt.Sprintf("%s-%s-%s/1", schema, name, filepath.Base(changes))
	link := filepath.Join(filepath.Dir(changes), fmt.Sprintf("%s-%s-%s", schema, name, filepath.Base(changes)))
	if err := os.Link(changes, link); err != nil { // staging moves it
		return table.Batch{}, fmt.Errorf("copy the changes: %w", err)
	}
	files, err := s.lake.Stage(ctx, id, []table.File{{Path: link, Rows: rows}})
	if err != nil {
		return table.Batch{}, err
	}
	return table.Batch{
		ID: id, Schema: sparkOrders, Keys: []string{"id"}, Cursor: "updated_at", Files: files, Rows: rows, Window: table.Window{Kind: table.CursorTime},
		Ref: table.Ref{
			Sync: "bench", Client: fmt.Sprintf("client_%03d", client), Region: []string{"eu", "us"}[client%2], Schema: schema, Table: name,
		},
	}, nil
}
