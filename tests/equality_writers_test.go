package tests

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// randomTable is a table that writers change at random. Its rows have an id, a version, a note, and what tells their change.
type randomTable struct {
	name, at string // at: the cursor's type
	now      string // what a writer sets the cursor to; %d is how many milliseconds its clock lags
	moves    bool   // whether ids change and rows are deleted for good
	appends  bool   // whether rows are only added
}

var randomTables = []randomTable{
	{name: "dt0", at: "datetime null", now: "utc_timestamp(6) - interval %d*1000 microsecond"},
	{name: "dt6", at: "datetime(6) null", now: "utc_timestamp(6) - interval %d*1000 microsecond", moves: true},
	{name: "ts3", at: "timestamp(3) null", now: "now(6) - interval %d*1000 microsecond"},
	{name: "tokyo", at: "datetime(3) null", now: "utc_timestamp(6) + interval 9 hour - interval %d*1000 microsecond"},
	{name: "days", at: "date null", now: "utc_date() - interval %d/1e6 day"},
	{name: "ids", appends: true},
	{name: "texts", at: "varchar(40) character set ascii collate ascii_bin null", now: "date_format(utc_timestamp(6), '%%Y%%m%%d%%H%%i%%s%%f')", appends: true},
	{name: "whole", moves: true},
}

func (r randomTable) create() string {
	at := ""
	if r.at != "" {
		at = ", at " + r.at + ", key (at)"
	}
	return fmt.Sprintf("create table %s (id bigint not null primary key auto_increment, version int not null, note varchar(60) null, gone tinyint(1) not null default 0%s)", r.name, at)
}

// columns are the table's columns as text, for the source and, with the same names, for the lake.
func (r randomTable) columns() string {
	columns := "id, version, note, gone"
	switch {
	case r.at == "":
		return columns
	case r.name == "tokyo":
		return columns + ", date_format(at - interval 9 hour, '%Y-%m-%d %H:%i:%s.%f')"
	case strings.HasPrefix(r.at, "date "), r.name == "texts":
		return columns + ", cast(at as char)"
	}
	return columns + ", date_format(at, '%Y-%m-%d %H:%i:%s.%f')"
}

// randomWriter changes the tables of one client at random, over one connection, until its time is up.
type randomWriter struct {
	*rand.Rand
	conn *sql.Conn
	slow bool // whether its transactions outlast syncs
	done func() bool
}

// Errors of the server that end a transaction of a writer, and no test: a lock that was waited for for long, a deadlock, and, where
// innodb_snapshot_isolation is on, a row that somebody else has changed.
var lostRaces = []uint16{1205, 1213, 1020}

// errSlow ends a transaction in which a statement took longer than a watermark allows for, from its NOW() until its transaction shows: what it wrote
// would be for the overlap, which is short here. A machine that stalls makes such statements.
var errSlow = errors.New("the statement took too long")

const slowStatement = 5 * time.Second

// run is one transaction after another. Those that lose a race, or in which a statement took too long, are rolled back.
func (w *randomWriter) run(ctx context.Context) error {
	if _, err := w.conn.ExecContext(ctx, "set time_zone = '+00:00', innodb_lock_wait_timeout = 1"); err != nil {
		return err
	}
	for !w.done() {
		err := w.transaction(ctx)
		var refused *mysql.MySQLError
		if lost := errors.As(err, &refused) && slices.Contains(lostRaces, refused.Number); err != nil && !lost && !errors.Is(err, errSlow) {
			return err
		}
		time.Sleep(w.upTo(120 * time.Millisecond))
	}
	return nil
}

func (w *randomWriter) upTo(most time.Duration) time.Duration { return rand.N(most) }

func (w *randomWriter) oneIn(n int) bool { return w.IntN(n) == 0 }

// transaction is autocommitted, short, or, of a slow writer, open for longer than a sync and the overlap.
func (w *randomWriter) transaction(ctx context.Context) error {
	if !w.slow && w.oneIn(4) {
		return w.change(ctx, randomTables[w.IntN(len(randomTables))])
	}
	pause := 60 * time.Millisecond
	if w.slow {
		pause = 3 * time.Second
	}
	statements := []string{"begin"}
	for range 1 + w.IntN(5) {
		statements = append(statements, "")
	}
	statements = append(statements, []string{"commit", "commit", "commit", "rollback"}[w.IntN(4)])
	for _, statement := range statements {
		var err error
		if statement == "" {
			began := time.Now()
			err = w.change(ctx, randomTables[w.IntN(len(randomTables))])
			if err == nil && time.Since(began) > slowStatement {
				err = errSlow
			}
			time.Sleep(w.upTo(pause))
		} else {
			_, err = w.conn.ExecContext(ctx, statement)
		}
		if err != nil {
			_, _ = w.conn.ExecContext(ctx, "rollback")
			return err
		}
	}
	return nil
}

// change is one statement. A row's cursor never goes back, and is NULL now and then.
func (w *randomWriter) change(ctx context.Context, r randomTable) error {
	version, at := w.IntN(1e9), ""
	if r.at != "" {
		at = strings.ReplaceAll(r.now, "%d", strconv.Itoa(w.IntN(450)))
		at = strings.ReplaceAll(at, "%%", "%")
	}
	note := fmt.Sprintf("concat('ä😀 ', %d)", version)
	pick := fmt.Sprintf("where id > %d order by id limit %d", w.IntN(100), 1+w.IntN(3))
	if r.moves && w.oneIn(3) {
		pick = "where id < 0 order by version limit 2"
	}
	insert := fmt.Sprintf("insert into %s (version, note%s) select %d, %s%s from (select 1 as n union all select 2 union all select 3%s) s",
		r.name, map[bool]string{true: ", at"}[at != ""], version, note, map[bool]string{true: ", " + at}[at != ""], w.slowly())
	statement := insert
	set := fmt.Sprintf("version = %d, note = %s", version, note)
	switch {
	case r.appends || w.oneIn(4):
	case r.moves && w.oneIn(8):
		statement = "delete from " + r.name + " " + pick
	case r.moves && w.oneIn(6):
		statement = fmt.Sprintf("update %s set id = -abs(id) - %d, %s%s %s", r.name, w.Int64N(1e12), set, w.newer(at), pick)
	case at != "" && w.oneIn(8):
		statement = fmt.Sprintf("update %s set at = null, %s %s", r.name, set, pick)
	case !r.moves && w.oneIn(8):
		statement = fmt.Sprintf("update %s set gone = 1 - gone, note = null%s %s", r.name, w.newer(at), pick)
	default:
		statement = fmt.Sprintf("update %s set %s%s %s", r.name, set, w.newer(at), pick)
	}
	_, err := w.conn.ExecContext(ctx, statement)
	return err
}

// slowly has a statement take its NOW() seconds before it writes anything, now and then.
func (w *randomWriter) slowly() string {
	if w.oneIn(25) {
		return " union all select 4 + sleep(3)"
	}
	return ""
}

func (w *randomWriter) newer(at string) string {
	if at == "" {
		return ""
	}
	return ", at = greatest(coalesce(at, " + at + "), " + at + ")"
}
