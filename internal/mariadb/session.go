package mariadb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// settings are the session variables of every connection. Each guards against a server default that changes
// or cuts off what is read.
var settings = []string{
	"time_zone = '+00:00'",
	"net_write_timeout = 3600", // a slow reader is otherwise cut off after a minute
	"net_read_timeout = 3600",
	"lock_wait_timeout = 600", // behind an ALTER TABLE that waits, or a table that is locked; the default is a day
	// One dialect at every client; PAD_CHAR_TO_FULL_LENGTH, ANSI_QUOTES and the like change values or queries.
	"sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
	"sql_select_limit = 9223372036854775807", // a lower one cuts results off without an error
}

// unknownCodes: unknown system variable, and what go-mysql-server calls everything.
var unknownCodes = []uint16{1193, 1105}

const killTimeout = 5 * time.Second

// connector sets the session up on every connection that it makes.
type connector struct {
	driver.Connector
	maxStatementTime time.Duration // 0 is no bound, whatever the server's own
	timeout          time.Duration // until the session is set up
}

// Connect gives up after a while: a server that hangs takes connections, and says nothing on them.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.connect(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("the server takes connections, but does not answer within %s; see whether it hangs, or something else listens there: %w", c.timeout, err)
	}
	return conn, err
}

func (c connector) connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	session := conn.(driver.ExecerContext)
	if err = setUp(ctx, session); err == nil {
		err = c.limit(ctx, session)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// limit bounds the time of each statement: MariaDB counts in seconds, MySQL in milliseconds.
func (c connector) limit(ctx context.Context, conn driver.ExecerContext) error {
	err := exec(ctx, conn, fmt.Sprintf("SET max_statement_time = %.3f", c.maxStatementTime.Seconds()))
	if slices.Contains(unknownCodes, code(err)) {
		err = exec(ctx, conn, fmt.Sprintf("SET max_execution_time = %d", c.maxStatementTime.Milliseconds()))
	}
	switch {
	case !slices.Contains(unknownCodes, code(err)):
		return err
	case c.maxStatementTime > 0:
		return fmt.Errorf("%w: the server knows no max_statement_time; remove it from the client's limits: %w", ErrUnsupported, err)
	}
	return nil
}

func setUp(ctx context.Context, conn driver.ExecerContext) error {
	if err := exec(ctx, conn, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return err
	}
	err := exec(ctx, conn, "SET "+strings.Join(settings, ", "))
	if !slices.Contains(unknownCodes, code(err)) {
		return err
	}
	for i, setting := range settings { // the server lacks one of them: set the others
		err := exec(ctx, conn, "SET "+setting)
		if i > 0 && slices.Contains(unknownCodes, code(err)) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func exec(ctx context.Context, conn driver.ExecerContext, query string) error {
	_, err := conn.ExecContext(ctx, query, nil)
	return err
}

// session is one connection taken from the pool for one extraction, in a read-only transaction. When
// the context given to open ends, what it runs is killed at the server and the connection is closed.
type session struct {
	conn   *sql.Conn
	id     uint64    // of the connection
	server string    // which one it is connected to; "" when it does not say
	clock  time.Time // the server's, when the session was opened
	// ctx ends only after the query was killed: the driver closes the connection when it does, and the
	// server would otherwise go on until it next writes to it.
	ctx    context.Context
	cancel context.CancelFunc
	stop   func() bool
	killed chan struct{}
	begun  bool // a transaction is open
	ended  bool
}

func (s *Source) open(ctx context.Context) (*session, error) { return s.openWithin(ctx, ctx) }

// openWithin waits for a connection as long as dial allows; the session ends with ctx.
func (s *Source) openWithin(dial, ctx context.Context) (*session, error) {
	conn, err := s.db.Conn(dial)
	if err != nil {
		return nil, err
	}
	c := &session{conn: conn, killed: make(chan struct{})}
	if err := c.hello(dial); err != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it: in the pool, its transaction would go to whoever comes next
		return nil, err
	}
	id, server := c.id, c.server
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	c.stop = context.AfterFunc(ctx, func() {
		defer close(c.killed)
		defer c.cancel()
		s.kill(context.WithoutCancel(ctx), id, server)
	})
	return c, nil
}

// kill ends the query of a connection at the server, over a connection outside the pool, which
// may be full. Failing is no error: the connection is closed next, which is all that is left to do.
func (s *Source) kill(ctx context.Context, id uint64, server string) {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	conn, err := s.connector.Connector.Connect(ctx)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	err = exec(ctx, conn.(driver.ExecerContext), killSQL(id, server))
	if code(err) == 1064 || code(err) == 1105 { // another server than MariaDB
		_ = exec(ctx, conn.(driver.ExecerContext), killSQL(id, ""))
	}
}

// begin starts a read-only transaction with a snapshot of its own, where the server knows how, on the session's own server.
func (c *session) begin() error { return c.beginWithin(c.ctx, serverTries) }

// beginWithin loses the connection when ctx ends first.
func (c *session) beginWithin(ctx context.Context, tries int) error {
	return c.onServer(tries, func() (answered string, err error) {
		if err := c.start(ctx); err != nil || c.server == "" {
			return "", err
		}
		err = c.conn.QueryRowContext(ctx, "SELECT "+serverName).Scan(&answered)
		return answered, err
	})
}

func (c *session) start(ctx context.Context) error {
	_, err := c.conn.ExecContext(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
	if code(err) == 1064 || code(err) == 1105 {
		_, err = c.conn.ExecContext(ctx, "START TRANSACTION READ ONLY")
	}
	c.begun = c.begun || err == nil // hello's is open otherwise, perhaps
	return err
}

func (c *session) commit() error {
	_, err := c.conn.ExecContext(c.ctx, "COMMIT")
	c.begun = c.begun && err != nil
	return err
}

// end gives the connection back to the pool, or drops it when failed: rows unread or a query killed
// late would otherwise reach whoever comes next.
func (c *session) end(failed bool) {
	if c.ended {
		return
	}
	c.ended = true
	if !failed && c.begun {
		failed = c.commit() != nil
	}
	if !c.stop() {
		<-c.killed
		failed = true
	}
	c.cancel()
	if failed {
		_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = c.conn.Close()
}
