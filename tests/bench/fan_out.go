package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

const (
	fanOutClients = 100
	fanOutTables  = 6
	fanOutRows    = 1000 // in each table; 100 of them change
)

// fanOut measures many small client tables: wall time for each, Temporal's server included.
func (b *bench) fanOut(ctx context.Context) (err error) {
	server, err := testserver.StartMariaDB(testserver.WithArgs("--innodb-buffer-pool-size=512M", "--innodb-flush-log-at-trx-commit=0", "--max-connections=500"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := os.Setenv("TRIBUTARY_BENCH_PASSWORD", server.Password); err != nil {
		return fmt.Errorf("set the password: %w", err)
	}
	notef("filling %d clients × %d tables", fanOutClients, fanOutTables)
	if err := execute(server, fanOutFill()); err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "fan-out")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	s, err := startStack(ctx, dir, fanOutRegistry(server), fanOutSync())
	if err != nil {
		return err
	}
	each, err := b.fanOutRuns(ctx, s, server)
	peak, stopErr := s.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return err
	}
	return errors.Join(report("fan_out_per_client_table", median(each), "ms", 100), report("fan_out_peak_memory", peak, "MiB", 0))
}

func (b *bench) fanOutRuns(ctx context.Context, s *stack, server *testserver.Server) (each []float64, err error) {
	const all = fanOutClients * fanOutTables
	first, err := s.sync(ctx)
	if err != nil {
		return nil, err
	}
	notef("first load: %.1f ms per client table", float64(first.Milliseconds())/all)
	for run := range b.runs {
		time.Sleep(time.Second) // changed rows are later than the last window's end
		if err := execute(server, fanOutChange()); err != nil {
			return nil, err
		}
		took, err := s.sync(ctx)
		if err != nil {
			return nil, err
		}
		each = append(each, float64(took.Milliseconds())/all)
		notef("run %d: %.1f ms per client table", run+1, each[run])
	}
	return each, nil
}

func forEachTable(sql func(database, name string) string) string {
	var all strings.Builder
	for c := range fanOutClients {
		for t := range fanOutTables {
			all.WriteString(sql(fmt.Sprintf("client_%03d", c), fmt.Sprintf("table_%d", t)))
		}
	}
	return all.String()
}

func fanOutFill() string {
	var databases strings.Builder
	for c := range fanOutClients {
		fmt.Fprintf(&databases, "create database client_%03d;", c)
	}
	return databases.String() + forEachTable(func(database, name string) string {
		return fmt.Sprintf(`use %[1]s; create table %[2]s (id int not null primary key, name varchar(50), amount decimal(12,2),
			updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6), key (updated_at));
			insert into %[2]s (id, name, amount) select seq, concat('row ', seq), seq * 1.5 from seq_1_to_%[3]d;`, database, name, fanOutRows)
	})
}

func fanOutChange() string {
	return forEachTable(func(database, name string) string {
		return fmt.Sprintf("update %s.%s set amount = amount + 1 where id %% 10 = 0;", database, name)
	})
}

func fanOutRegistry(server *testserver.Server) []table.Client {
	clients := make([]table.Client, fanOutClients)
	for c := range clients {
		id := fmt.Sprintf("client_%03d", c)
		clients[c] = table.Client{ID: id, Region: []string{"eu", "us"}[c%2], Host: server.Host, Port: server.Port, Database: id, User: server.User}
	}
	return clients
}

func fanOutSync() string {
	var sync strings.Builder
	sync.WriteString("target: {schema: central}\nparallel: {clients: 8, tables_per_client: 2}\ntables:\n")
	for t := range fanOutTables {
		fmt.Fprintf(&sync, "  - {name: table_%d, cursor: updated_at, overlap: 0s}\n", t)
	}
	return sync.String()
}
