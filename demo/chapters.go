package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tributary/internal/table"
	"tributary/workflows"
)

// sync runs the sync and waits for it. A failed client table is an error.
func (t *tour) sync(ctx context.Context) (summary table.Summary, took time.Duration, err error) {
	daily, err := t.cfg.Sync("daily")
	if err != nil {
		return summary, 0, err
	}
	began := time.Now()
	options := client.StartWorkflowOptions{
		ID: workflows.SyncID(daily.Name), TaskQueue: workflows.ControlQueue,
		TypedSearchAttributes: temporal.NewSearchAttributes(workflows.SearchSync.ValueSet(daily.Name)),
	}
	run, err := t.temporal.Client().ExecuteWorkflow(ctx, options, workflows.Sync, workflows.SyncInput{Sync: daily})
	if err != nil {
		return summary, 0, fmt.Errorf("start the sync: %w", err)
	}
	if err := run.Get(ctx, &summary); err != nil {
		return summary, 0, errors.New(workflows.Reason(err))
	}
	return summary, time.Since(began), nil
}

func (t *tour) firstSync(ctx context.Context) error {
	t.page.step("The first sync brings everything into central tables.")
	start := time.Now()
	summary, took, err := t.sync(ctx)
	if err != nil {
		return err
	}
	t.between = time.Now()
	if err := t.reportTables(ctx, start); err != nil {
		return err
	}
	t.page.sayf("  %d client tables in %s. Drafts stay at the shops, card numbers are never read, e-mail addresses are hashed.",
		summary.OK, took.Round(10*time.Millisecond))
	t.page.sayf("  Kept apart: orders of a negative amount, and one of dune's that says it is cobalt's: %s",
		code(relative(t.folder.in("scratch", "quarantine"))))
	return nil
}

func (t *tour) secondSync(ctx context.Context) error {
	t.page.step("A day passes: rows change, are added, are deleted, softly and outright. Then the second sync.")
	for _, s := range t.shops {
		if err := s.trade(ctx); err != nil {
			return err
		}
	}
	start := time.Now()
	summary, took, err := t.sync(ctx)
	if err != nil {
		return err
	}
	if err := t.reportChanges(ctx, start); err != nil {
		return err
	}
	t.page.sayf("  %s rows read, %s moved, in %s: only what changed, but for products, which have no cursor.",
		count(int(summary.Read)), count(int(summary.Inserted+summary.Updated+summary.Deleted)), took.Round(10*time.Millisecond))
	t.page.sayf("  One of cobalt's wrong orders was corrected at the source, so it arrived now.")
	return nil
}

// prove compares the lake with the shops, and leaves the shops' rows for others to do so.
func (t *tour) prove(ctx context.Context) error {
	t.page.step("Proof: every row and value of the lake against the shops.")
	line, total := "", 0
	var faults []error
	for _, name := range tableNames {
		n, err := verify(ctx, t.lake, name, t.salt, t.shops)
		faults = append(faults, err)
		line, total = line+fmt.Sprintf("  %s %s", name, count(n)), total+n
	}
	for _, s := range t.shops {
		faults = append(faults, dump(ctx, t.folder, s))
	}
	if err := errors.Join(append(faults, dumpClients(t.folder, t.shops))...); err != nil {
		return err
	}
	t.page.sayf("%s: %s rows, all equal, none missing, none left over.", line, code(count(total)))
	return nil
}

func (t *tour) ask(ctx context.Context) error {
	t.page.step("One query over all shops, now and as it was.")
	return t.reportRevenue(ctx, t.between)
}

func (t *tour) farewell(took time.Duration) {
	cli := "bin/tributary -c " + relative(t.folder.in("config"))
	t.page.step("Look for yourself (make build makes bin/tributary).")
	for _, args := range []string{
		"status",
		`query "SELECT client_id, status, count(*) AS orders, sum(amount) AS amount FROM orders GROUP BY ALL ORDER BY ALL"`,
		`query --as-of ` + t.between.UTC().Format("2006-01-02T15:04:05.000Z07:00") + ` "SELECT count(*) AS orders FROM orders"`,
	} {
		t.page.sayf("  %s", code(cli+" "+args))
	}
	if t.once {
		t.page.sayf("\nThe tour took %s.", took.Round(100*time.Millisecond))
		return
	}
	t.page.sayf("  %s", code(cli+" run daily"))
	t.page.sayf("  %s", code(t.temporal.UI+`/namespaces/default/workflows?query=Client%3D"bolt"`))
	kept := ""
	if t.folder.temporary {
		kept = " and removes the folder (--dir DIR keeps one)"
	}
	t.page.sayf("\nThe tour took %s. Ctrl-C ends it%s.", took.Round(100*time.Millisecond), kept)
}

// relative is a path as the user would type it here.
func relative(path string) string {
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, path); err == nil && len(short) <= len(path) {
			path = short
		}
	}
	if strings.ContainsAny(path, " \t'\"\\$`&;()<>*?!") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
