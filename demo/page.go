package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// page is where the tour is told.
type page struct {
	io.Writer
	colour bool
	steps  int
}

func newPage(w io.Writer, colour bool) *page {
	if colour {
		text.EnableColors()
	} else {
		text.DisableColors()
	}
	return &page{Writer: w, colour: colour}
}

// sayf writes one line.
func (p *page) sayf(format string, args ...any) { _, _ = fmt.Fprintf(p, format+"\n", args...) }

// step begins the next numbered step.
func (p *page) step(title string) {
	p.steps++
	p.sayf("\n%s %s", text.Colors{text.FgCyan, text.Bold}.Sprint(p.steps), text.Bold.Sprint(title))
}

// code is text to type or to click.
func code(words string) string { return text.FgGreen.Sprint(words) }

// table writes rows under a header; every column from the given one on is of numbers.
func (p *page) table(numbersFrom int, header []string, rows [][]any) {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format = table.FormatOptions{}
	style.Box.PaddingLeft = "  "
	style.Box.PaddingRight = ""
	t.SetStyle(style)
	head := make(table.Row, len(header))
	var configs []table.ColumnConfig
	for i, name := range header {
		head[i] = name
		if i >= numbersFrom {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(head)
	for _, row := range rows {
		t.AppendRow(row)
	}
	p.sayf("%s", t.Render())
}
