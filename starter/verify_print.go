package main

import (
	"fmt"
	"strings"

	"tributary/internal/table"
	"tributary/internal/verify"
)

// shownKeys is how many of a client table's differences are printed; JSON has more.
const shownKeys = 20

// printVerified prints what a verification found, and returns an error that has the exit code.
func (a *app) printVerified(v verified) error {
	write := a.printVerifiedTable
	if a.json() {
		write = func(v verified) error { return a.writeJSON(v) }
	}
	if err := write(v); err != nil {
		return err
	}
	switch v.Status {
	case verify.StatusEqual:
		return nil
	case verify.StatusDifferent:
		return &codedError{code: codeFailed}
	case table.StatusCancelled:
		return &codedError{code: codeCancelled}
	}
	return &codedError{code: codeUncompared}
}

func (a *app) printVerifiedTable(v verified) error {
	fmt.Fprintf(a.out, "%s: %s\n", v.WorkflowID, a.status(a.out, v.Status))
	if v.Error != "" {
		fmt.Fprintln(a.out, v.Error)
	}
	fmt.Fprintln(a.out)
	g := a.table("region", "client", "table", "status", "source rows", "lake rows", "differ", "in flight", "settled below", "version", "checksum at the source", "in the lake")
	g.right(5, 6, 7, 8, 10)
	tables := eachTable(v.Tables)
	for _, r := range tables {
		g.row(r.Region, r.Client, r.Table, a.status(a.out, r.Status), comma(r.Source.Rows), comma(r.Lake.Rows), comma(r.Differences.Count()),
			comma(r.InFlight), dash(trimZeros(r.Settled)), r.Version, dash(r.Source.Checksum), dash(r.Lake.Checksum))
	}
	if err := g.flush(); err != nil {
		return err
	}
	for _, r := range tables {
		if err := a.printDifferences(r); err != nil {
			return err
		}
	}
	for _, note := range append(tableNotes(tables), v.Summary.Notes...) {
		fmt.Fprintf(a.out, "note: %s\n", note)
	}
	return a.printProblems(result{Sync: v.Sync, Summary: v.Summary})
}

// eachTable are the reports, each followed by that of its versions.
func eachTable(reports []verify.Report) []verify.Report {
	var all []verify.Report
	for _, r := range reports {
		if all = append(all, r); r.Versions != nil {
			all = append(all, *r.Versions)
		}
	}
	return all
}

// tableNotes are what limits the proof of client tables, each note once, with the tables that it is about.
func tableNotes(reports []verify.Report) []string {
	var order []string
	about := map[string][]string{}
	add := func(r verify.Report, note string) {
		if about[note] == nil {
			order = append(order, note)
		}
		about[note] = append(about[note], r.Client+"/"+r.Table)
	}
	for _, r := range reports {
		for _, note := range r.Notes {
			add(r, note)
		}
		if len(r.Uncompared) > 0 {
			add(r, "at one side only, and so not compared: "+strings.Join(r.Uncompared, ", "))
		}
	}
	for i, note := range order {
		tables := about[note]
		if more := len(tables) - shownTables; more > 0 {
			tables = append(tables[:shownTables:shownTables], fmt.Sprintf("%d more", more))
		}
		order[i] = strings.Join(tables, ", ") + ": " + note
	}
	return order
}

// printDifferences prints the first rows that differ, and what became of them.
func (a *app) printDifferences(r verify.Report) error {
	d := r.Differences
	if d.Count() == 0 {
		return nil
	}
	fmt.Fprintf(a.out, "\n%s/%s: %s only at the source, %s only in the lake, %s with other values, %s doubled in the lake\n",
		r.Client, r.Table, comma(d.OnlySource), comma(d.OnlyLake), comma(d.Different), comma(d.Doubled))
	least := ""
	if d.More {
		least = "at least "
		fmt.Fprintln(a.out, "at least: so many rows differ that no more were looked for")
	}
	g := a.table(strings.Join(r.Keys, ", "), "what", "columns")
	for i, key := range d.Keys {
		if i == shownKeys {
			break
		}
		g.row(oneLine(strings.Join(key.Key, ", "), 100), strings.ReplaceAll(key.Kind, "_", " "), dash(oneLine(strings.Join(key.Columns, ", "), 200)))
	}
	if err := g.flush(); err != nil {
		return err
	}
	if n := d.Count() - int64(min(shownKeys, len(d.Keys))); n > 0 {
		fmt.Fprintf(a.out, "and %s%s more; -o json lists up to 200\n", least, comma(n))
	}
	if r.Repair == nil {
		return nil
	}
	if r.Repair.Refused != "" {
		_, err := fmt.Fprintf(a.out, "not repaired: %s\n", r.Repair.Refused)
		return err
	}
	_, err := fmt.Fprintf(a.out, "repaired in version %d: %s rows brought again, %s deleted; then %s rows and %s at the source, %s and %s in the lake\n",
		r.Repair.Version, comma(r.Repair.Upserted), comma(r.Repair.Deleted), comma(r.Repair.Source.Rows), r.Repair.Source.Checksum,
		comma(r.Repair.Lake.Rows), r.Repair.Lake.Checksum)
	if err == nil && r.Repair.Note != "" {
		_, err = fmt.Fprintf(a.out, "note: %s\n", r.Repair.Note)
	}
	return err
}
