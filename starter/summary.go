package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
)

// printSummary prints how a sync ended, for people.
func (a *app) printSummary(r result) error {
	s := r.Summary
	took := time.Duration(r.Seconds * float64(time.Second)).Round(time.Second / 10)
	if terminal(a.out) {
		fmt.Fprintln(a.out) // apart from the progress above
	}
	fmt.Fprintf(a.out, "%s: %s in %s\n\n", r.WorkflowID, a.status(a.out, r.Status), took)
	if r.Error != "" {
		fmt.Fprintln(a.out, r.Error)
	}
	g := a.table("clients", "tables ok", "failed", "skipped", "cancelled", "rows read", "inserted", "updated", "deleted", "quarantined")
	g.right(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	g.row(s.Clients, s.OK, s.Failed, s.Skipped, s.Cancelled, comma(s.Read), comma(s.Inserted), comma(s.Updated), comma(s.Deleted), comma(s.Quarantined))
	if err := g.flush(); err != nil {
		return err
	}
	for _, note := range []struct {
		rows int64
		text string
	}{
		{s.Warned, "rows failed a rule that only warns"},
		{s.ZeroDates, "zero or impossible dates became NULL"},
		{s.Deduped, "older versions of a row were left out"},
	} {
		if note.rows > 0 {
			fmt.Fprintf(a.out, "%s %s\n", comma(note.rows), note.text)
		}
	}
	for _, note := range s.Notes {
		fmt.Fprintf(a.out, "note: %s\n", note)
	}
	if err := a.printProblems(r); err != nil {
		return err
	}
	return a.printAfter(r)
}

// printAfter prints what became of what runs after the sync.
func (a *app) printAfter(r result) error {
	if len(r.Summary.After) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	g := a.table("after the sync", "status", "took", "reason", "page")
	for _, after := range r.Summary.After {
		g.row(after.Name, a.status(a.out, after.Status), after.Took.Round(time.Second/10), dash(oneLine(after.Error, 600)), dash(after.URL))
	}
	return g.flush()
}

func (a *app) printProblems(r result) error {
	problems := r.Summary.Problems
	if len(problems) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	g := a.table("region", "client", "table", "status", "reason")
	for _, p := range problems {
		g.row(dash(p.Region), dash(p.Client), dash(p.Table), a.status(a.out, p.Status), oneLine(withoutNames(p.Error, p.Client), 600))
	}
	if err := g.flush(); err != nil {
		return err
	}
	if all := r.Summary.Failed + r.Summary.Skipped + r.Summary.Cancelled; all > len(problems) {
		fmt.Fprintf(a.out, "and %d more; see them all with: tributary status %s\n", all-len(problems), r.Sync)
	}
	return nil
}

func comma(n int64) string { return humanize.Comma(n) }

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
