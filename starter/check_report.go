package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"tributary/internal/table"
)

func regionsOf(clients []table.Client) []string {
	regions := make([]string, len(clients))
	for i, c := range clients {
		regions[i] = c.Region
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// checkResult is what `check -o json` prints.
type checkResult struct {
	OK       bool      `json:"ok"`
	Faults   int       `json:"faults"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
}

// report prints findings, and returns an error with the exit code when there are faults.
func (a *app) report(findings []finding) error {
	result := checkResult{Findings: findings}
	for _, f := range findings {
		switch f.Status {
		case findingFault:
			result.Faults++
		case findingWarning:
			result.Warnings++
		}
	}
	result.OK = result.Faults == 0
	write := a.printCheck
	if a.json() {
		write = func(r checkResult) error { return a.writeJSON(r) }
	}
	if err := write(result); err != nil {
		return err
	}
	if result.OK {
		return nil
	}
	return &codedError{code: codeError}
}

// printCheck prints what concerns all, then the client tables, then the details of what is wrong, in full.
func (a *app) printCheck(r checkResult) error {
	general, tables := a.table("check", "status", "detail"), a.table("sync", "region", "client", "table", "status")
	var details []string
	many, told := faultsOfFiles(r.Findings), map[string]bool{}
	for _, f := range r.Findings {
		status := a.status(a.out, f.Status)
		whole := false
		switch n := many[f.Check]; {
		case f.Client != "":
			tables.row(dash(f.Sync), f.Region, f.Client, dash(f.Table), status)
		case f.ofFile && n > 1:
			if !told[f.Check] { // one row for all
				general.row(f.Check, status, count(n, "fault"))
			}
			told[f.Check] = true
		default:
			line := oneLine(f.Detail, max(width(a.out)-30, 60))
			general.row(f.Check, status, line)
			whole = line == f.Detail && f.Sync == ""
		}
		if f.Status != findingOK && !whole {
			details = append(details, fmt.Sprintf("%s: %s: %s", status, f.where(), f.said()))
		}
	}
	if err := general.flush(); err != nil {
		return err
	}
	if tables.rows > 0 {
		fmt.Fprintln(a.out)
		if err := tables.flush(); err != nil {
			return err
		}
	}
	for i, detail := range details {
		if i == 0 {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintln(a.out, detail)
	}
	_, err := fmt.Fprintf(a.out, "\n%s, %s\n", count(r.Faults, "fault"), count(r.Warnings, "warning"))
	return err
}

// faultsOfFiles counts the faults of each check that are of files: a table of one row each would be cut off.
func faultsOfFiles(findings []finding) map[string]int {
	n := map[string]int{}
	for _, f := range findings {
		if f.ofFile {
			n[f.Check]++
		}
	}
	return n
}

func (f finding) where() string {
	var parts []string
	for _, p := range []string{f.Sync, f.Region, f.Client, f.Table} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return f.Check
	}
	return strings.Join(parts, "/")
}

// said is the detail without the names that where says already.
func (f finding) said() string { return withoutNames(f.Detail, f.Client) }

// withoutNames leaves out what an error begins with when it names its client, where that stands beside it already.
func withoutNames(message, client string) string {
	rest, named := strings.CutPrefix(message, fmt.Sprintf("client %q", client))
	if _, what, ok := strings.Cut(rest, ": "); named && ok {
		return what
	}
	return message
}

func count(n int, word string) string {
	if n == 0 {
		return "no " + english.PluralWord(0, word, "")
	}
	return english.Plural(n, word, "")
}

// counter shows how far something is, in a terminal only.
func (a *app) counter(what string) func(done, all int) {
	if !terminal(a.errOut) {
		return nil
	}
	return func(done, all int) {
		fmt.Fprintf(a.errOut, "\r%d/%d %s", done, all, what)
		if done == all {
			fmt.Fprint(a.errOut, "\r\x1b[K")
		}
	}
}
