package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
	"tributary/worker/serve"
	"tributary/workflows"
)

// tour is the state of one demo.
type tour struct {
	options
	page     *page
	folder   folder
	shops    []*shop
	salt     string
	temporal *temporalServer
	cfg      *config.Config
	lake     lake.Lake
	between  time.Time // after the first sync, before the day of trade

	logger  *slog.Logger
	stop    []func() error // what to end, the last one first
	workers *errgroup.Group
}

// run tells the whole tour. What it started has ended when it returns.
func run(ctx context.Context, o options, p *page) (err error) {
	if o.temporal, err = findTemporal(o.temporal); err != nil {
		return err
	}
	f, err := prepareFolder(o.dir)
	if err != nil {
		return err
	}
	t := &tour{options: o, page: p, folder: f, shops: newShops()}
	err = errors.Join(t.tell(ctx), t.end())
	if f.temporary && !o.once && err == nil {
		return os.RemoveAll(f.path)
	}
	return err
}

func (t *tour) tell(ctx context.Context) error {
	began := time.Now()
	for _, part := range []func(context.Context) error{
		t.openLog, t.openShops, t.openTemporal, t.firstSync, t.secondSync, t.prove, t.ask,
	} {
		if err := part(ctx); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			return fmt.Errorf("%w\nlogs: %s", err, t.folder.in("*.log"))
		}
	}
	t.farewell(time.Since(began))
	if !t.once {
		<-ctx.Done()
		t.page.sayf("\nstopping…")
	}
	return nil
}

// end stops what was started, in reverse order.
func (t *tour) end() error {
	var errs []error
	for i := len(t.stop) - 1; i >= 0; i-- {
		errs = append(errs, t.stop[i]())
	}
	return errors.Join(errs...)
}

func (t *tour) atEnd(stop func() error) { t.stop = append(t.stop, stop) }

func (t *tour) openLog(context.Context) error {
	file, err := os.Create(t.folder.in("worker.log"))
	if err != nil {
		return err
	}
	t.atEnd(file.Close)
	t.logger = slog.New(slog.NewTextHandler(file, nil))
	t.page.sayf("Tributary: the databases of many clients, one Delta Lake. Everything of this tour is in\n%s", code(t.folder.path))
	return nil
}

func (t *tour) openShops(ctx context.Context) (err error) {
	t.page.stepf("Six shops in three regions open, each on a MySQL-compatible server of its own.")
	if t.salt, err = t.folder.secret("pii-salt"); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(2)
	for _, s := range t.shops {
		password, err := t.folder.secret(s.Client + "-password")
		if err != nil {
			return err
		}
		group.Go(func() error { return s.open(ctx, password) })
	}
	t.atEnd(func() (err error) {
		for _, s := range t.shops {
			if s.Server != nil {
				err = errors.Join(err, s.Server.Close())
			}
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	total, where := 0, ""
	for _, s := range t.shops {
		n, err := s.rows(ctx)
		if err != nil {
			return err
		}
		total += n
		where += fmt.Sprintf("  %s/%s :%d", s.Region, s.Client, s.Server.Port)
	}
	t.page.sayf("  %s rows of customers, orders, order lines and products.\n%s", count(total), where)
	t.page.sayf("  bolt's columns have German names, dune says in each row whose it is; some rows are wrong.")
	return nil
}

func (t *tour) openTemporal(ctx context.Context) (err error) {
	t.page.stepf("Temporal starts, and a worker that serves all regions.")
	if t.temporal, err = startTemporal(ctx, t.options.temporal, t.folder, t.logger); err != nil {
		return err
	}
	t.atEnd(t.temporal.Stop)
	address := t.temporal.FrontendHostPort()
	if t.cfg, err = writeConfig(t.folder, configData{Shops: t.shops, Temporal: address}); err != nil {
		return err
	}
	if t.lake, err = open.Lake(ctx, t.cfg.Lake); err != nil {
		return err
	}
	t.atEnd(t.lake.Close)
	workers, stop := context.WithCancel(context.WithoutCancel(ctx)) // they end before Temporal does
	t.workers = &errgroup.Group{}
	t.workers.Go(func() error { return serve.Run(workers, t.cfg, t.logger) })
	t.atEnd(func() error {
		stop()
		return t.workers.Wait()
	})
	t.page.sayf("  Its configuration is in %s. Temporal's Web UI: %s", code(relative(t.folder.in("config"))), code(t.temporal.UI))
	return nil
}

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
	t.page.stepf("The first sync brings everything into central tables.")
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
	t.page.stepf("A day passes: rows change, are added, are deleted, softly and outright. Then the second sync.")
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
	t.page.stepf("Proof: every row and value of the lake against the shops.")
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
	t.page.stepf("One query over all shops, now and as it was.")
	return t.reportRevenue(ctx, t.between)
}

func (t *tour) farewell(took time.Duration) {
	cli := "bin/tributary -c " + relative(t.folder.in("config"))
	t.page.stepf("Look for yourself (make build makes bin/tributary).")
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
