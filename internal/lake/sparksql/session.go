package sparksql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// sessionConnector makes sessions, and prepares each before its first statement.
type sessionConnector struct {
	driver.Connector
	dialect   dialect
	unreached *atomic.Bool // a session could not be closed: the server is away
}

// Connect implements driver.Connector.
func (c sessionConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, readError(err)
	}
	conn, ok := inner.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's sessions run no statements"), inner.Close())
	}
	c.unreached.Store(false)
	s := &session{driverConn: conn, unreached: c.unreached}
	if err := s.prepare(ctx, c.dialect); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare runs a dialect's statements, and sets those of its settings that the server did not take on connecting.
func (s *session) prepare(ctx context.Context, d dialect) error {
	statements := slices.Clone(d.session)
	if len(d.settings) > 0 {
		has, err := s.settings(ctx)
		if err != nil {
			return fmt.Errorf("settings of the session: %w", readError(err))
		}
		for _, name := range slices.Sorted(maps.Keys(d.settings)) {
			if has[name] != d.settings[name] {
				statements = append(statements, "SET "+name+"="+d.settings[name])
			}
		}
	}
	for _, text := range statements {
		if _, err := s.ExecContext(ctx, text, nil); err != nil {
			return fmt.Errorf("%s: %w", text, readError(err))
		}
	}
	return nil
}

// settings are those of the session and of the server, without Spark's own defaults.
func (s *session) settings(ctx context.Context) (map[string]string, error) {
	rows, err := s.QueryContext(ctx, "SET", nil)
	if err != nil {
		return nil, err
	}
	has, values := map[string]string{}, make([]driver.Value, len(rows.Columns()))
	for err = rows.Next(values); err == nil; err = rows.Next(values) {
		if len(values) >= 2 {
			has[text(values[0])] = text(values[1])
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return has, errors.Join(err, rows.Close())
}

// driverConn is what a session of the driver can do.
type driverConn interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
	driver.NamedValueChecker
}

// session is a session at the server that knows when it is of no use any more: the pool then drops it. A restarted server, and
// a warehouse that closed an idle session, do not know it.
type session struct {
	driverConn
	lost      bool
	unreached *atomic.Bool
}

// QueryContext implements driver.QueryerContext. Of a session that the server no longer knew, it returns driver.ErrBadConn: the statement
// has not run, and database/sql runs it on another one.
func (s *session) QueryContext(ctx context.Context, text string, values []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.driverConn.QueryContext(ctx, text, values)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return rows, nil
}

// ExecContext implements driver.ExecerContext, and fails as QueryContext does.
func (s *session) ExecContext(ctx context.Context, text string, values []driver.NamedValue) (driver.Result, error) {
	result, err := s.driverConn.ExecContext(ctx, text, values)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return result, nil
}

// IsValid implements driver.Validator.
func (s *session) IsValid() bool { return !s.lost }

func (s *session) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.lost = true // closing it ends a statement whose handle never arrived
		return err
	}
	read := readError(err)
	text := read.Error()
	switch {
	case errorClass.MatchString(text): // of SQL, whatever its words are
	case containsAny(text, unknownSession):
		s.lost = true
		return fmt.Errorf("%w: %w", driver.ErrBadConn, read)
	case containsAny(text, unknownOperation), errors.As(read, new(*requestError)): // it may have run
		s.lost = true
	}
	return read
}

// What a server says of a session that it does not know, before it looks at the statement: Hive's Thrift server, and Spark's part of it.
var unknownSession = []string{"Invalid SessionHandle", "Session does not exist", "has not been initialized or had already closed"}

// unknownOperation is what it says of a statement that it does not know, after a restart.
var unknownOperation = []string{"Invalid OperationHandle", "invalid handle"}

func containsAny(text string, parts []string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// closeTime bounds the closing of one session: the driver tries for much longer while a server is away.
const closeTime = 5 * time.Second

// Close implements driver.Conn. A session that cannot be closed ends at the server by itself, with that server or after its idle time:
// this is no error. Once one has found the server away, those after it do not ask.
func (s *session) Close() error {
	if s.unreached.Load() {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- s.driverConn.Close() }()
	timer := time.NewTimer(closeTime)
	defer timer.Stop()
	var err error
	select {
	case err = <-closed:
	case <-timer.C:
		err = fmt.Errorf("no answer for %s", closeTime)
	}
	if err == nil || containsAny(err.Error(), unknownSession) {
		return nil
	}
	s.unreached.Store(true)
	slog.Debug("a session of the lake is left to end by itself", "error", err)
	return nil
}
