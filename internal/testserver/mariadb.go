package testserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// ErrExternal is returned by Stop, Kill and Start on the server that TRIBUTARY_TEST_MARIADB names: it is not ours to stop.
var ErrExternal = errors.New("this MariaDB is not the test's own (TRIBUTARY_TEST_MARIADB is set): ask for one with testserver.Private()")

// Server is a MariaDB server for tests. User may do everything, over TCP, with Password.
type Server struct {
	Host     string
	Port     int
	User     string
	Password string

	program string
	args    []string
	dir     string // "" when external
	process *process
}

// Option changes how MariaDB and StartMariaDB start the server.
type Option func(*options)

type options struct {
	args    []string
	private bool
}

// WithArgs adds arguments to mariadbd's, after ours, so that they win: "--max-connections=3". It implies Private.
func WithArgs(args ...string) Option {
	return func(o *options) { o.args, o.private = append(o.args, args...), true }
}

// Private starts a server of the test's own even if TRIBUTARY_TEST_MARIADB names one: for tests that stop it.
func Private() Option { return func(o *options) { o.private = true } }

// MariaDB starts a MariaDB server with an empty data folder, and removes it with the test. It takes
// about a third of a second. Several may run at once.
func MariaDB(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s, err := StartMariaDB(opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close MariaDB: %v", err)
		}
	})
	return s
}

// StartMariaDB is MariaDB for TestMain; the caller closes it.
func StartMariaDB(opts ...Option) (*Server, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	if dsn := os.Getenv("TRIBUTARY_TEST_MARIADB"); dsn != "" && !o.private {
		return externalMariaDB(dsn)
	}
	s := &Server{Host: "127.0.0.1", User: "tributary", Password: "tributary-test", args: o.args}
	if err := s.install(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func externalMariaDB(dsn string) (*Server, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, fmt.Errorf("TRIBUTARY_TEST_MARIADB is not a DSN like user:password@tcp(host:3306)/: %w", err)
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("TRIBUTARY_TEST_MARIADB has no host:port: %w", err)
	}
	s := &Server{Host: host, User: cfg.User, Password: cfg.Passwd}
	if s.Port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("TRIBUTARY_TEST_MARIADB has the port %q: %w", port, err)
	}
	if err := s.ping(context.Background()); err != nil {
		return nil, fmt.Errorf("TRIBUTARY_TEST_MARIADB: %w", err)
	}
	return s, nil
}

// Start starts a stopped or killed server again: the same port, the same data. It returns when the server answers.
func (s *Server) Start() error {
	if s.dir == "" {
		return ErrExternal
	}
	if s.process != nil && !s.process.exited() {
		return fmt.Errorf("MariaDB on port %d is already running", s.Port)
	}
	log := filepath.Join(s.dir, "log")
	p, err := startProcess(log, s.program, s.arguments()...)
	if err != nil {
		return err
	}
	s.process = p
	if err := p.waitReady(s.ping); err != nil {
		return fmt.Errorf("%w\n%s", errors.Join(err, p.kill()), tail(log))
	}
	return nil
}

// Stop shuts the server down cleanly. A stopped server is left as it is.
func (s *Server) Stop() error { return s.end(syscall.SIGTERM) }

// Kill ends the server with SIGKILL, as a crash would. What was committed is kept.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) error {
	if s.dir == "" {
		return ErrExternal
	}
	if s.process == nil || s.process.exited() {
		return nil
	}
	return s.process.signal(sig)
}

// Close ends the server and removes its folder. Closing twice, or an external server, does nothing.
func (s *Server) Close() error {
	if s.dir == "" {
		return nil
	}
	return errors.Join(s.Kill(), os.RemoveAll(s.dir)) // its data is not wanted any more: no need to wait for a clean shutdown
}

// DSN is the go-sql-driver DSN of a database, or of none when db is empty.
func (s *Server) DSN(db string) string { return s.config(db).FormatDSN() }

func (s *Server) config(db string) *mysql.Config {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = s.User, s.Password, db
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	return cfg
}

func (s *Server) ping(ctx context.Context) error {
	cfg := s.config("")
	cfg.Logger = &mysql.NopLogger{} // a server that is starting refuses connections: no news
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	err = db.PingContext(ctx)
	return errors.Join(err, db.Close())
}
