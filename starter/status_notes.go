package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// lastNotes selects what the last run of each client table noted.
const lastNotes = "SELECT r.client_id, r.table_name, r.notes FROM " + lake.SyncRuns + " r JOIN " + lake.SyncLog + " l " +
	"ON r.run_id = l.run_id AND r.started_at = l.started_at AND r.client_id = l.client_id AND r.table_name = l.table_name WHERE r.notes IS NOT NULL"

// readNotes returns what the last runs of a schema's client tables noted, by key. Runs of earlier versions noted nothing there.
func readNotes(ctx context.Context, central lake.Lake, schema string) (_ map[table.Ref][]string, err error) {
	runs, err := central.Describe(ctx, schema, lake.SyncRuns)
	if errors.Is(err, lake.ErrNotFound) || err == nil && runs.Columns.Find("notes") < 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := central.Query(ctx, schema, lastNotes, lake.At{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	notes := map[table.Ref][]string{}
	for {
		values, ok := rows.Next()
		if !ok {
			return notes, rows.Err()
		}
		client, _ := values[0].(string)
		name, _ := values[1].(string)
		text, _ := values[2].(string)
		notes[table.Ref{Client: client, Schema: schema, Table: name}] = strings.Split(text, "\n")
	}
}

// printNotes prints what the last runs noted, in the order of the rows.
func (a *app) printNotes(rows []tableStatus) {
	for _, r := range rows {
		for _, note := range r.Notes {
			fmt.Fprintf(a.out, "note: %s/%s: %s\n", r.Client, r.Table, oneLine(note, 600))
		}
	}
}
