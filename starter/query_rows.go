package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// writeRowsTable shows the first rows; a terminal has no use for millions, and they would fill the memory.
func (a *app) writeRowsTable(rows lake.Rows, limit int) error {
	columns := rows.Columns()
	names, numbers := make([]string, len(columns)), []int{}
	for i, c := range columns {
		names[i] = c.Name
		if _, _, decimal := c.Type.DecimalOf(); decimal || slices.Contains(numeric, c.Type) {
			numbers = append(numbers, i+1)
		}
	}
	g := a.table(names...)
	g.writer.Style().Format.Header = text.FormatDefault // names as they are
	g.right(numbers...)
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
			shown[i] = oneLine(textOf(v, columns[i].Type, "NULL"), 200)
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
		a.sayf("only the first %d rows are shown; for all use --limit 0, -o json or -o csv", limit)
	}
	return nil
}

var numeric = []table.Type{table.Byte, table.Short, table.Integer, table.Long, table.Float, table.Double}

// writeRowsCSV writes NULL as nothing, as an empty string is: JSON tells them apart.
func writeRowsCSV(out io.Writer, rows lake.Rows) error {
	w := csv.NewWriter(out)
	columns := rows.Columns()
	record := []string{}
	for _, c := range columns {
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
			record[i] = textOf(v, columns[i].Type, "")
		}
	}
	w.Flush()
	return errors.Join(rows.Err(), w.Error())
}

// writeRowsJSON streams one array of objects, whose keys are in the order of the columns.
func writeRowsJSON(out io.Writer, rows lake.Rows) error {
	w := bufio.NewWriter(out)
	var keys [][]byte
	columns := rows.Columns()
	for _, c := range columns {
		key, err := marshal(c.Name)
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
			value, err := marshal(jsonOf(v, columns[i].Type))
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

// marshal is json.Marshal without the escapes that are meant for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// timestampLayout has as many digits as the lake keeps.
const timestampLayout = "2006-01-02T15:04:05.999999Z07:00"

func formatTime(v time.Time, t table.Type) string {
	if t == table.Date {
		return v.UTC().Format(time.DateOnly)
	}
	return v.UTC().Format(timestampLayout)
}

// jsonOf makes a value one that JSON has: binary as base64, NaN and infinities as text.
func jsonOf(v any, t table.Type) any {
	switch v := v.(type) {
	case time.Time:
		return formatTime(v, t)
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
func textOf(v any, t table.Type, null string) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		return v
	case time.Time:
		return formatTime(v, t)
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
