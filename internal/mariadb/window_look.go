package mariadb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// lookouts has the last look at each server: INNODB_TRX serves all its readers from one cache, so those of this process take turns.
var lookouts sync.Map

type lookout struct {
	turn chan struct{} // holds one token while somebody looks
	last open
}

// look returns what is under way on the server, as of notBefore (by this machine's clock) or later.
func (e *extraction) look(ctx context.Context, notBefore time.Time) (open, error) {
	if e.session.server == "" {
		return open{}, nil // another server than MariaDB: it has nothing to look at
	}
	key := e.client.User + "@" + address(e.client) + "/" + e.session.server
	entry, _ := lookouts.LoadOrStore(key, &lookout{turn: make(chan struct{}, 1)})
	l := entry.(*lookout)
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return open{}, context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	if !l.last.began.Before(notBefore) {
		return l.last, nil
	}
	if wait := cacheAge - time.Since(l.last.began); l.last.allowed && wait > 0 {
		if err := pause(ctx, wait); err != nil {
			return open{}, err
		}
	}
	seen, err := e.session.look(ctx)
	if err == nil {
		l.last = seen
	}
	return seen, err
}

// lookless are the codes of a server that has nothing to look at: it does not know the statement, the table or the variable.
var lookless = []uint16{1064, 1105, 1109, 1193}

// mayNotLook says that the account may not look, or that the server has nothing to look at. Other errors of the server pass, and
// say nothing of what is under way.
func mayNotLook(err error) bool {
	n := code(err)
	return slices.Contains(deniedCodes, n) || slices.Contains(missingCodes, n) || slices.Contains(lookless, n)
}

func unlessUnseen(err error) error {
	if mayNotLook(err) {
		return nil
	}
	return err
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(wait):
		return nil
	}
}

// look asks for the clock, then for statements, then for transactions; settled depends on the order. A transaction of our own must
// be listed with the very statement that asks, or what is listed is older.
func (c *session) look(ctx context.Context) (seen open, err error) {
	began := time.Now()
	if err := c.begin(); err != nil {
		return seen, err
	}
	replica, stopped, err := c.replication(ctx)
	if err != nil {
		return seen, err
	}
	for try := range maxLooks {
		if try > 0 {
			if err := pause(ctx, cacheAge+rand.N(cacheAge)); err != nil {
				return seen, err
			}
			if err := c.begin(); err != nil {
				return seen, err
			}
		}
		seen = open{began: began, replica: replica, stopped: stopped, allowed: true}
		fresh, err := c.underWay(ctx, &seen)
		if mayNotLook(err) {
			return open{began: began, replica: replica, stopped: stopped}, nil
		}
		if err != nil || fresh {
			return seen, err
		}
		began = time.Now()
	}
	seen.blind = true
	return seen, nil
}

func (c *session) underWay(ctx context.Context, seen *open) (fresh bool, err error) {
	if err := c.statements(ctx, seen); err != nil {
		return false, err
	}
	reading := map[uint64]bool{} // connections in a read-only transaction
	nonce := fmt.Sprintf("look %016x", rand.Uint64())
	rows, err := c.conn.QueryContext(ctx, strings.Replace(transactionsQuery, "nonce", nonce, 1))
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var w writer
		var start int64
		var readOnly, undone, ours bool
		var query string
		if err := rows.Scan(&w.id, &w.connection, &start, &readOnly, &undone, &ours, &query); err != nil {
			return false, err
		}
		if w.connection != 0 {
			w.start = time.Unix(start, 0)
		}
		switch {
		case ours:
			fresh = strings.Contains(query, nonce)
		case readOnly:
			reading[w.connection] = true
		case w.id != 0 && (w.connection != 0 || !undone): // what a crash left is undone, and never committed
			seen.writers = append(seen.writers, w)
		}
	}
	var running []activity
	for _, s := range seen.running {
		if !reading[s.connection] {
			running = append(running, s)
		}
	}
	seen.running = running
	return fresh, rows.Err()
}

// transactionsQuery lists transactions. trx_started is in the server's own zone, whatever the session's: of two times that
// it may mean, when clocks are set back for winter, it takes the earlier. A transaction that has written nothing has id 0, or one from 2^48 on.
const transactionsQuery = `SET STATEMENT time_zone = 'SYSTEM' FOR SELECT /* nonce */ IF(trx_id < 281474976710656, trx_id, 0), trx_mysql_thread_id,
 UNIX_TIMESTAMP(trx_started) - CASE trx_started WHEN FROM_UNIXTIME(UNIX_TIMESTAMP(trx_started) - 3600) THEN 3600
  WHEN FROM_UNIXTIME(UNIX_TIMESTAMP(trx_started) - 1800) THEN 1800 ELSE 0 END,
 trx_is_read_only OR trx_autocommit_non_locking, trx_state = 'ROLLING BACK', trx_mysql_thread_id = CONNECTION_ID(), COALESCE(trx_query, '')
 FROM information_schema.INNODB_TRX`

// statements notes the clock and the statements that run, but for the server's own threads and runs of ours. TIME_MS is counted on after the clock was
// read, so a statement's start is not later than it was.
func (c *session) statements(ctx context.Context, seen *open) error {
	rows, err := c.conn.QueryContext(ctx, "SELECT CAST(UTC_TIMESTAMP(6) AS CHAR), ID, USER, COALESCE(TIME_MS, 0), ID = CONNECTION_ID()"+
		" FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID() OR USER <> 'system user'"+
		" AND COMMAND NOT IN ('Sleep', 'Daemon', 'Binlog Dump', 'Slave_IO', 'Slave_SQL', 'Slave_worker')"+
		" AND NOT (USER = SUBSTRING_INDEX(USER(), '@', 1) AND INFO LIKE 'SELECT %information_schema.%')") // other runs' of ours
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s activity
		var clock string
		var millis float64
		var ours bool
		if err := rows.Scan(&clock, &s.connection, &s.user, &millis, &ours); err != nil {
			return err
		}
		if seen.clock, err = time.Parse(time.DateTime, clock); err != nil {
			return err
		}
		if s.start = seen.clock.Add(-time.Duration(millis * float64(time.Millisecond))); !ours {
			seen.running = append(seen.running, s)
		}
	}
	return rows.Err()
}

// Sight is what an account sees of rows that are still to arrive.
type Sight struct {
	Transactions bool   // whether it sees open transactions (PROCESS)
	Replica      bool   // whether the server is a replica, by its registry entry or as far as it is seen
	Stopped      string // why nothing arrives at it, where that is known
}

// Sight looks at the server as a run does. It changes nothing.
func (s *Source) Sight(ctx context.Context) (Sight, error) {
	session, err := s.open(ctx)
	if err != nil {
		return Sight{}, clientError(s.client, classify(err))
	}
	seen, err := session.look(ctx)
	session.end(true) // with its transaction
	if err != nil {
		return Sight{}, clientError(s.client, classify(err))
	}
	return Sight{Transactions: seen.allowed, Replica: s.client.Replica || seen.replica, Stopped: seen.stopped}, nil
}
