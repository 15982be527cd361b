package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/worker/serve"
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
	t.page.step("Six shops in three regions open, each on a MySQL-compatible server of its own.")
	if t.salt, err = t.folder.secret("pii-salt"); err != nil {
		return err
	}
	t.atEnd(func() (err error) {
		for _, s := range t.shops {
			if s.Server != nil {
				err = errors.Join(err, s.Server.Close())
			}
		}
		return err
	})
	for _, s := range t.shops {
		password, err := t.folder.secret(s.Client + "-password")
		if err != nil {
			return err
		}
		if err := s.open(password); err != nil {
			return err
		}
	}
	var group errgroup.Group
	group.SetLimit(2)
	for _, s := range t.shops {
		group.Go(func() error { return s.fill(ctx) })
	}
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
	t.page.step("Temporal starts, and a worker that serves all regions.")
	if t.temporal, err = startTemporal(ctx, t.options, t.folder, t.logger); err != nil {
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
