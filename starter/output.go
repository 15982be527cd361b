package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	pretty "github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Output formats.
const (
	outputTable = "table"
	outputJSON  = "json"
	outputCSV   = "csv"
)

func (a *app) json() bool { return a.output == outputJSON }

func (a *app) writeJSON(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// table returns a table without lines, which reads well and is easy to cut up.
func (a *app) table(header ...string) *grid {
	w := pretty.NewWriter()
	style := pretty.StyleLight
	style.Name = "tributary"
	style.Options = pretty.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	g := &grid{writer: w, out: a.out}
	g.row(cells(header)...)
	return g
}

// grid is a table that is written to out at its end.
type grid struct {
	writer pretty.Writer
	out    io.Writer
	rows   int
	header bool
}

func (g *grid) row(cells ...any) {
	if !g.header {
		g.writer.AppendHeader(cells)
		g.header = true
		return
	}
	g.writer.AppendRow(cells)
	g.rows++
}

// right aligns columns, counted from 1, as numbers are.
func (g *grid) right(columns ...int) {
	configs := make([]pretty.ColumnConfig, len(columns))
	for i, n := range columns {
		configs[i] = pretty.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight}
	}
	g.writer.SetColumnConfigs(configs)
}

func (g *grid) flush() error {
	_, err := fmt.Fprintln(g.out, g.writer.Render())
	return err
}

func cells[T any](values []T) []any {
	row := make([]any, len(values))
	for i, v := range values {
		row[i] = v
	}
	return row
}

// colored says whether w is a terminal that may have colours.
func (a *app) colored(w io.Writer) bool { return !a.noColor && terminal(w) }

func terminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// width is the width of the terminal, or a generous one.
func width(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 20 {
			return columns
		}
	}
	return 160
}

var statusColors = map[string]text.Color{
	"ok": text.FgGreen, "failed": text.FgRed, "fault": text.FgRed, "skipped": text.FgYellow, "cancelled": text.FgYellow,
	"warning": text.FgYellow, "never": text.FgYellow, "created": text.FgGreen, "updated": text.FgYellow, "deleted": text.FgRed,
	"equal": text.FgGreen, "differs": text.FgYellow, "missing": text.FgYellow, "unread": text.FgRed, "fails": text.FgRed,
	"different": text.FgRed, "repaired": text.FgGreen, "never_synced": text.FgYellow,
	"added": text.FgGreen, "widened": text.FgYellow,
}

// status colours a status word.
func (a *app) status(w io.Writer, word string) string { return a.paint(w, word, word) }

// paint colours words as a status is.
func (a *app) paint(w io.Writer, status, words string) string {
	color, known := statusColors[status]
	if !known || !a.colored(w) {
		return words
	}
	return color.Sprint(words)
}

// oneLine makes text fit into a cell: one line, at most limit characters, nothing that moves the cursor.
func oneLine(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:max(limit-1, 0)]) + "…"
}

// warnf tells of something that does not stop the command.
func (a *app) warnf(format string, args ...any) {
	word := "warning:"
	if a.colored(a.errOut) {
		word = text.FgYellow.Sprint(word)
	}
	fmt.Fprintln(a.errOut, word, fmt.Sprintf(format, args...))
}

// sayf tells a person how it goes. It is on standard error, so that results stay clean.
func (a *app) sayf(format string, args ...any) { fmt.Fprintf(a.errOut, format+"\n", args...) }
