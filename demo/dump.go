package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
)

// dump writes a shop's tables as they are now to sources/<client>/<table>.jsonl: one object per row, every
// value as the source writes it, or null. They outlive the servers, so that others can compare.
func dump(ctx context.Context, f folder, s *shop) error {
	if err := os.MkdirAll(f.in("sources", s.Client), 0o755); err != nil {
		return err
	}
	for _, name := range tableNames {
		if err := dumpTable(ctx, f.in("sources", s.Client, name+".jsonl"), s, name); err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

func dumpTable(ctx context.Context, path string, s *shop, name string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	rows, err := s.Server.db.QueryContext(ctx, "SELECT * FROM "+name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	out := bufio.NewWriter(file)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := writeObject(out, columns, values); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), out.Flush())
}

// writeObject writes one row, columns in the table's order.
func writeObject(out *bufio.Writer, columns []string, values []sql.NullString) error {
	separator := byte('{')
	for i, column := range columns {
		key, err := json.Marshal(column)
		if err != nil {
			return err
		}
		value := []byte("null")
		if values[i].Valid {
			if value, err = json.Marshal(values[i].String); err != nil {
				return err
			}
		}
		_ = out.WriteByte(separator) // a bufio.Writer keeps its first error for Flush
		_, _ = out.Write(key)
		_ = out.WriteByte(':')
		_, _ = out.Write(value)
		separator = ','
	}
	_, err := out.WriteString("}\n")
	return err
}

// dumpClients says in sources/clients.json which shops there are, and what they call their columns.
func dumpClients(f folder, shops []*shop) error {
	type client struct {
		ID      string            `json:"id"`
		Region  string            `json:"region"`
		Columns map[string]string `json:"columns"`
	}
	var clients []client
	for _, s := range shops {
		clients = append(clients, client{s.Client, s.Region, s.Columns})
	}
	text, err := json.MarshalIndent(clients, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.in("sources", "clients.json"), append(text, '\n'), 0o600)
}
