package main

import (
	"bufio"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"tributary/internal/lake"
)

// writeRowsTable shows the first rows; a terminal has no use for millions, and they would fill the memory.
func (a *app) writeRowsTable(rows lake.Rows, limit int) error {
	var names []string
	for _, c := range rows.Columns() {
		names = append(names, c.Name)
	}
	g := a.table(names...)
	more := false
	for {
		values, ok := rows.Next()
		if !ok {
			break
		}
		if more = limit > 0 && g.rows == limit; more {
			break
		}
		shown := make([]any, len(values))
		for i, v := range values {
			shown[i] = oneLine(textOf(v, "NULL"), 200)
		}
		g.row(shown...)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if err := g.flush(); err != nil {
		return err
	}
	if more {
		a.say("only the first %d rows are shown; for all use --limit 0, -o json or -o csv", limit)
	}
	return nil
}

// writeRowsCSV writes NULL as nothing, as an empty string is: JSON tells them apart.
func writeRowsCSV(out io.Writer, rows lake.Rows) error {
	w := csv.NewWriter(out)
	record := []string{}
	for _, c := range rows.Columns() {
		record = append(record, c.Name)
	}
	for {
		if err := w.Write(record); err != nil {
			return err
		}
		values, ok := rows.Next()
		if !ok {
			break
		}
		for i, v := range values {
			record[i] = textOf(v, "")
		}
	}
	w.Flush()
	return errors.Join(rows.Err(), w.Error())
}

// writeRowsJSON streams one array of objects, whose keys are in the order of the columns.
func writeRowsJSON(out io.Writer, rows lake.Rows) error {
	w := bufio.NewWriter(out)
	var keys [][]byte
	for _, c := range rows.Columns() {
		key, err := json.Marshal(c.Name)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	w.WriteByte('[') //nolint:errcheck // a bufio.Writer keeps its error until Flush
	separator := "\n  {"
	for {
		values, ok := rows.Next()
		if !ok {
			break
		}
		w.WriteString(separator) //nolint:errcheck // as above
		separator = ",\n  {"
		for i, v := range values {
			value, err := json.Marshal(jsonOf(v))
			if err != nil {
				return fmt.Errorf("column %s: %w", keys[i], err)
			}
			if i > 0 {
				w.WriteString(", ") //nolint:errcheck // as above
			}
			fmt.Fprintf(w, "%s: %s", keys[i], value)
		}
		w.WriteByte('}') //nolint:errcheck // as above
	}
	w.WriteString("\n]\n") //nolint:errcheck // as above
	return errors.Join(rows.Err(), w.Flush())
}

// timestampLayout has as many digits as the lake keeps.
const timestampLayout = "2006-01-02T15:04:05.999999Z07:00"

// jsonOf makes a value one that JSON has: binary as base64, NaN and infinities as text.
func jsonOf(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UTC().Format(timestampLayout)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return v
}

// textOf writes a value for tables and CSV.
func textOf(v any, null string) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		return v
	case time.Time:
		return v.UTC().Format(timestampLayout)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// readAtMost reads all of r, and refuses more than limit bytes.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("it is longer than %d bytes", limit)
	}
	return data, err
}
