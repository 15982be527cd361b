package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/jedib0t/go-pretty/v6/text"
)

// display shows progress on standard error.
type display interface{ show(p progress) }

func (a *app) newDisplay(w *watcher) display {
	if terminal(a.errOut) {
		return &liveDisplay{app: a, title: w.run.GetID()}
	}
	return &plainDisplay{app: a, title: w.run.GetID()}
}

// liveDisplay draws over what it drew before.
type liveDisplay struct {
	app   *app
	title string
	drawn int // lines
}

func (d *liveDisplay) show(p progress) {
	lines := d.lines(p)
	var b strings.Builder
	if d.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", d.drawn)
	}
	columns := width(d.app.errOut)
	for _, line := range lines {
		b.WriteString(text.Trim(line, columns-1) + "\n")
	}
	d.drawn = len(lines)
	_, _ = io.WriteString(d.app.errOut, b.String()) // a terminal that is gone needs no progress
}

const maxRegions = 12 // more do not fit on a screen: the others are summed up

func (d *liveDisplay) lines(p progress) []string {
	lines := []string{fmt.Sprintf("%s  %s", d.title, p.elapsed.Round(time.Second))}
	nameWidth, answered := 0, false
	for _, r := range p.regions {
		nameWidth, answered = max(nameWidth, len(r.name)), answered || r.seen
	}
	if !answered {
		return append(lines, "  waiting for a worker…")
	}
	for i, r := range p.regions {
		if i == maxRegions {
			lines = append(lines, fmt.Sprintf("  and %d more regions", len(p.regions)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  %-*s  %s  %s", nameWidth, r.name, bar(r.summary.Clients, r.clients), r.counts(d.app)))
	}
	for _, t := range p.tables {
		lines = append(lines, "    "+t.String())
	}
	if len(p.after) > 0 {
		lines = append(lines, "  "+afterLine(p.after))
	}
	return lines
}

// afterLine says what runs now that the sync's tables are done.
func afterLine(names []string) string { return "after the sync: " + strings.Join(names, ", ") }

func (t runningTable) String() string {
	line := fmt.Sprintf("%s %s: %s", t.client, t.table, t.progress.Step)
	if t.progress.Rows > 0 {
		line += fmt.Sprintf(", %s rows", humanize.Comma(t.progress.Rows))
	}
	return line + fmt.Sprintf(" (%s)", (time.Duration(t.progress.Seconds)*time.Second))
}

func bar(done, all int) string {
	const cells = 20
	filled := 0
	if all > 0 {
		filled = min(cells, done*cells/all)
	}
	return strings.Repeat("█", filled) + strings.Repeat("░", cells-filled)
}

// counts says how far a region is, in words.
func (r regionProgress) counts(a *app) string {
	s := r.summary
	parts := []string{fmt.Sprintf("%d/%d clients", s.Clients, r.clients), fmt.Sprintf("%s %s ok", humanize.Comma(int64(s.OK)), english.PluralWord(s.OK, "table", ""))}
	for _, p := range []struct {
		count int
		word  string
	}{{s.Failed, "failed"}, {s.Skipped, "skipped"}, {s.Cancelled, "cancelled"}} {
		if p.count > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", humanize.Comma(int64(p.count)), a.status(a.errOut, p.word)))
		}
	}
	return strings.Join(append(parts, humanize.Comma(s.Read)+" rows read"), ", ")
}

// plainDisplay writes a line per region now and then, for logs.
type plainDisplay struct {
	app   *app
	title string
	last  time.Duration
	said  map[string]string // region, or "" for what runs after the sync → what was last said
}

// plainEvery is how often a region's line is written at most. A region that is done is told at once.
const plainEvery = 10 * time.Second

func (d *plainDisplay) show(p progress) {
	if d.said == nil {
		d.said = map[string]string{}
	}
	due := p.elapsed-d.last >= plainEvery
	if due {
		d.last = p.elapsed
	}
	for _, r := range p.regions {
		line := r.counts(d.app)
		done := r.summary.Clients == r.clients
		if r.seen && (due || done) && d.said[r.name] != line {
			d.said[r.name] = line
			d.app.sayf("%s %s: %s", d.title, r.name, line)
		}
	}
	if line := afterLine(p.after); len(p.after) > 0 && d.said[""] != line {
		d.said[""] = line
		d.app.sayf("%s %s", d.title, line)
	}
}
