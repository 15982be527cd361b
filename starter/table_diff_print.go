package main

import (
	"fmt"
	"strings"

	"tributary/internal/lake"
)

func (a *app) printDiff(r diffResult, fails int) error {
	tables := a.table("schema", "table", "clients", "status", "differences")
	tables.right(3, 5)
	g := a.table("table", "column", "lake", "sources", "clients", "next run")
	cell := max((width(a.out)-64)/2, 16) // what is left for the lake's and the sources'
	layouts := false
	for _, t := range r.Tables {
		tables.row(t.Schema, t.Table, t.Clients, a.status(a.out, t.Status), len(t.Differences))
		for _, d := range t.Differences {
			g.row(t.Table, diffColumn(d), dash(oneLine(d.Lake, cell)), dash(oneLine(d.Source, cell)), diffClients(d, t.Clients),
				a.paint(a.out, d.Effect, diffEffect(d)))
			layouts = layouts || d.Subject == lake.SubjectLayout
		}
	}
	if err := tables.flush(); err != nil {
		return err
	}
	if g.rows > 0 {
		fmt.Fprintln(a.out)
		if err := g.flush(); err != nil {
			return err
		}
	}
	if layouts {
		fmt.Fprintln(a.out, "\nA table's layout cannot be changed in place: to change it, make the table anew and run the sync with --full.")
	}
	_, err := fmt.Fprintf(a.out, "\n%s\n", diffVerdict(r, g.rows, fails))
	return err
}

func diffVerdict(r diffResult, differences, fails int) string {
	verdict := count(len(r.Tables), "table") + ", " + count(differences, "difference")
	unread := 0
	for _, t := range r.Tables {
		if t.Status == diffUnread {
			unread++
		}
	}
	if unread > 0 {
		verdict = count(len(r.Tables)-unread, "table") + " compared, " + count(differences, "difference")
	}
	switch {
	case fails > 0:
		verdict += fmt.Sprintf(", %d of which would fail a run", fails)
	case differences > 0:
		verdict += ", none of which would fail a run"
	}
	return verdict
}

// diffColumn says what differs: a column, or in parentheses what is none.
func diffColumn(d lake.Difference) string {
	switch {
	case d.Subject == lake.SubjectComment && d.Column != "":
		return oneLine(d.Column, 40) + " (comment)"
	case d.Subject == lake.SubjectProperty:
		return oneLine(d.Property, 60) + " (property)"
	case d.Column == "":
		return "(" + d.Subject + ")"
	}
	return oneLine(d.Column, 40)
}

// namedClients is how many clients a cell names.
const namedClients = 3

// diffClients names the clients of a difference, or those that are not among them where they are fewer.
func diffClients(d lake.Difference, all int) string {
	switch n := len(d.Clients); {
	case d.Subject == lake.SubjectTable || d.Subject == lake.SubjectLayout || d.Subject == lake.SubjectProperty || n == all:
		return "all"
	case n == 0:
		return "none"
	case n+len(d.Without) == all && len(d.Without) < n:
		return "all but " + someOf(d.Without)
	}
	return someOf(d.Clients)
}

func someOf(names []string) string {
	if len(names) <= namedClients+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:namedClients], ", "), len(names)-namedClients)
}

// diffEffect says what the next run makes of a difference.
func diffEffect(d lake.Difference) string {
	switch d.Effect {
	case lake.EffectCreated:
		return "creates it"
	case lake.EffectAdded:
		return "adds it"
	case lake.EffectIgnored:
		return "leaves it out: drift is ignore"
	case lake.EffectWidened:
		return "widens it"
	case lake.EffectNull:
		if len(d.Clients) == 0 {
			return "keeps it, NULL in new rows"
		}
		return "NULL for the others"
	case lake.EffectKept:
		if d.Subject == lake.SubjectLayout {
			return "keeps the lake's: see below"
		}
		return "keeps the lake's"
	}
	switch d.Subject {
	case lake.SubjectType:
		return "fails: it does not fit"
	case lake.SubjectHistory:
		return "fails: history needs a table of its own"
	}
	return "fails: a new column"
}
