package mariadb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	snapshotTries = 20
	snapshotPause = 20 * time.Millisecond
	lockWait      = 1 // seconds for which writers may have to wait
)

// share has several sessions see exactly what the first one sees: MariaDB cannot hand one session's snapshot to another.
// It begins all snapshots at once, and compares the positions in the binary log that the server notes with each; where
// there is no binary log to tell, it keeps writers of the table off for the moment that it takes. It returns false
// where neither is possible, or a proxy sends the sessions' transactions to several servers: the first session then reads alone.
func (e *extraction) share(others []*session) (bool, error) {
	if len(others) == 0 {
		return true, nil
	}
	together, err := e.shareAll(others)
	if errors.Is(err, errOtherServer) {
		return false, e.session.begin()
	}
	return together, err
}

func (e *extraction) shareAll(others []*session) (bool, error) {
	all := append([]*session{e.session}, others...)
	logged, err := e.logged()
	if err != nil {
		return false, ignoreServers(err)
	}
	for try := 0; logged && try < snapshotTries; try++ {
		if err := begin(all, serverTries); err != nil {
			return false, err
		}
		same, err := samePosition(all)
		if err != nil || same {
			return same, ignoreServers(err)
		}
		if err := pause(e.ctx, snapshotPause); err != nil {
			return false, err
		}
	}
	locked, err := e.locked(func() error { return begin(all, 1) })
	return locked, err
}

func begin(sessions []*session, tries int) error {
	var begins errgroup.Group
	for _, s := range sessions {
		begins.Go(func() error {
			ctx, cancel := context.WithTimeout(s.ctx, dialTimeout) // nobody may write meanwhile
			defer cancel()
			return s.beginWithin(ctx, tries)
		})
	}
	return begins.Wait()
}

// logged says whether every change of the table is in the server's binary log: it has one that leaves no database out, as far as the account
// may see that, and either is no replica or logs what it gets as one.
func (e *extraction) logged() (bool, error) {
	values, err := e.session.variables("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'log_slave_updates', 'wsrep_on', 'binlog_do_db', 'binlog_ignore_db')")
	if err != nil {
		return false, err
	}
	if values["log_bin"] != "ON" || values["binlog_do_db"] != "" || values["binlog_ignore_db"] != "" {
		return false, nil
	}
	if filtered, err := e.session.filtersLog(); err != nil || filtered {
		return false, err
	}
	if values["log_slave_updates"] == "ON" {
		return true, nil
	}
	status, err := e.session.variables("SHOW GLOBAL STATUS WHERE Variable_name IN ('Slaves_running', 'Slave_running')")
	return values["wsrep_on"] != "ON" && status["slaves_running"] == "0" && status["slave_running"] != "ON", err
}

// filtersLog says whether databases are left out of the binary log; false where the account may not see it (BINLOG MONITOR). Before 11.7 no
// variable tells.
func (c *session) filtersLog() (bool, error) {
	rows, err := c.conn.QueryContext(c.ctx, "SHOW MASTER STATUS")
	if err != nil {
		return false, ignoreServers(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return false, err
	}
	values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	filtered := false
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return false, err
		}
		for i, name := range columns {
			filtered = filtered || strings.HasSuffix(name, "_DB") && values[i].String != "" // Binlog_Do_DB, Binlog_Ignore_DB
		}
	}
	return filtered, rows.Err()
}

// samePosition says whether the sessions' snapshots are of one position in the binary log. The server notes it under
// the lock under which transactions become visible.
func samePosition(sessions []*session) (bool, error) {
	var first string
	for i, s := range sessions {
		values, err := s.variables("SHOW STATUS LIKE 'binlog_snapshot_%'")
		if err != nil {
			return false, err
		}
		file, position := values["binlog_snapshot_file"], values["binlog_snapshot_position"]
		if _, err := strconv.ParseUint(position, 10, 64); err != nil || file == "" {
			return false, nil //nolint:nilerr // the server notes none
		}
		if i == 0 {
			first = file + ":" + position
		} else if first != file+":"+position {
			return false, nil
		}
	}
	return true, nil
}

// locked runs do while nobody may write to the table, and says whether it could. The lock is taken on a connection outside the pool, which
// may be full, and for a moment only; where it is not to be had at once, as when the user may not lock, somebody is
// writing for long, or the connection leads to another server, do is not run.
func (e *extraction) locked(do func() error) (bool, error) {
	ctx, cancel := context.WithTimeout(e.ctx, dialTimeout)
	defer cancel()
	conn, err := e.sameServer(ctx)
	if err != nil || conn == nil {
		return false, nil // one connection is enough
	}
	defer func() { _ = conn.Close() }() // which unlocks, whatever happened
	lock := conn.(driver.ExecerContext)
	for _, statement := range []string{fmt.Sprintf("SET lock_wait_timeout = %d", lockWait), "LOCK TABLES " + e.from() + " READ"} {
		if err := exec(ctx, lock, statement); err != nil {
			return false, nil // as above
		}
	}
	if there, err := e.answers(ctx, conn); err != nil || !there { // a proxy may have sent the lock elsewhere than what was asked before it
		return false, nil
	}
	err = do()
	if unlockErr := exec(ctx, lock, "UNLOCK TABLES"); unlockErr != nil {
		err = errors.Join(err, fmt.Errorf("unlock the table: %w", unlockErr)) // the lock may have ended before the snapshots began
	}
	return err == nil, err
}

// sameServer connects, outside the pool, to the server that is read: behind an address of several it may take some tries. Nil says that
// others answered.
func (e *extraction) sameServer(ctx context.Context) (driver.Conn, error) {
	for range serverTries {
		conn, err := e.source.connector.Connect(ctx)
		if err != nil {
			return nil, err
		}
		there, err := e.answers(ctx, conn)
		if there && err == nil {
			return conn, nil
		}
		_ = conn.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// answers says whether the server that is read answers on the connection, as far as servers say which one they are.
func (e *extraction) answers(ctx context.Context, conn driver.Conn) (bool, error) {
	if e.session.server == "" {
		return true, nil
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "SELECT "+serverName, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = rows.Close() }()
	name := make([]driver.Value, 1)
	if err := rows.Next(name); err != nil {
		return false, err
	}
	text, _ := name[0].([]byte)
	return string(text) == e.session.server, nil
}

// variables runs a SHOW statement; names are in lower case.
func (c *session) variables(query string) (map[string]string, error) {
	rows, err := c.conn.QueryContext(c.ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	values := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		values[fold(name)] = value
	}
	return values, rows.Err()
}
