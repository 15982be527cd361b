package testserver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ErrSharedSpark is returned by Start, Restart, Stop and Kill on a Spark that other tests use too.
var ErrSharedSpark = errors.New("this Spark is not the test's own: ask for one with testserver.PrivateSpark")

// SparkServer is a Spark Thrift server over HTTP, with Delta Lake and a metastore. It takes Basic
// auth from any user. Its time zone is America/New_York, so that a test finds who relies on UTC.
type SparkServer struct {
	URL string // http://127.0.0.1:PORT/cliservice
	Dir string // for staged files: an absolute path, the same for Spark and the test; empty, and the test's own

	java     string
	classes  string // Java's class path
	port     int
	defaults bool   // see WithSparkDefaults
	home     string // holds Dir, warehouse, metastore and log; "" when shared
	process  *process

	lifeline *os.File // the writing end of a pipe; closes when this process ends, however it ends
}

// Spark returns a server that all tests share, with a Dir of the test's own: what
// TRIBUTARY_TEST_SPARK names, or else one for the whole of `make test`, or else one for this test
// binary. Only the first call starts one, which takes 5 to 15 seconds and 0.7 to 2 GB of memory. Tests keep apart
// by asking for their schema with [SparkServer.Schema].
func Spark(tb testing.TB) *SparkServer {
	tb.Helper()
	address, err := sharedSpark()
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp(address.Dir, "test-") //nolint:usetesting // TempDir would not be in the folder that Spark sees
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Logf("remove what was staged: %v", err)
		}
	})
	return &SparkServer{URL: address.URL, Dir: dir}
}

// PrivateSpark starts a server of the test's own, for tests that stop it, and removes it with the test.
func PrivateSpark(tb testing.TB) *SparkServer {
	tb.Helper()
	s, err := StartSpark()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close Spark: %v", err)
		}
	})
	return s
}

// SparkOption changes how StartSpark starts the server.
type SparkOption func(*SparkServer)

// WithSparkDefaults leaves Java's and Spark's own settings instead of those that make small statements fast: for measuring.
func WithSparkDefaults() SparkOption { return func(s *SparkServer) { s.defaults = true } }

// StartSpark is PrivateSpark for TestMain; the caller closes it.
func StartSpark(options ...SparkOption) (*SparkServer, error) {
	s := &SparkServer{}
	for _, option := range options {
		option(s)
	}
	if err := s.install(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Schema returns the name of a schema that no other test has. The test creates it, and need not drop it.
func (s *SparkServer) Schema(tb testing.TB) string {
	tb.Helper()
	return fmt.Sprintf("test_%012x", randomInt(1<<48))
}

// Start starts a stopped or killed server again: the same port, the same tables. It returns when the
// server answers. Sessions are lost.
func (s *SparkServer) Start() error {
	if s.home == "" {
		return ErrSharedSpark
	}
	if s.process != nil && !s.process.exited() {
		return fmt.Errorf("Spark on port %d is already running", s.port)
	}
	log := filepath.Join(s.home, "log")
	p, err := startProcess(log, s.java, s.arguments()...)
	if err != nil {
		return err
	}
	s.process = p
	if err := p.waitReady(s.ping); err != nil {
		return fmt.Errorf("%w\n%s", errors.Join(err, p.kill()), tail(log))
	}
	return nil
}

// Restart kills the server if it runs, and starts it again.
func (s *SparkServer) Restart() error {
	if err := s.Kill(); err != nil {
		return err
	}
	return s.Start()
}

// Stop shuts the server down cleanly. A stopped server is left as it is.
func (s *SparkServer) Stop() error { return s.end(syscall.SIGTERM) }

// Kill ends the server with SIGKILL, as a crash would. What was committed is kept.
func (s *SparkServer) Kill() error { return s.end(syscall.SIGKILL) }

// CPU returns the processor time that the server has used since it was started, to 10 ms. Linux only.
func (s *SparkServer) CPU() (time.Duration, error) {
	if s.home == "" {
		return 0, ErrSharedSpark
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // the name before may have spaces; see proc(5)
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(userErr, systemErr)
}

func (s *SparkServer) end(sig syscall.Signal) error {
	if s.home == "" {
		return ErrSharedSpark
	}
	if s.process == nil || s.process.exited() {
		return nil
	}
	return s.process.signal(sig)
}

// Close ends the server and removes its tables and Dir. Closing twice, or a shared server, does nothing.
func (s *SparkServer) Close() error {
	if s.home == "" {
		return nil
	}
	return errors.Join(s.Kill(), os.RemoveAll(s.home)) // its tables are not wanted any more: no need to wait for a clean shutdown
}

// install finds Java and Spark, takes a port and makes the folders.
func (s *SparkServer) install() error {
	var err error
	if s.java, s.classes, err = findSpark(); err != nil {
		return err
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	address := url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: sparkPath}
	s.URL = address.String()
	if s.home, err = os.MkdirTemp("", "tributary-spark-"); err != nil {
		return err
	}
	s.Dir = filepath.Join(s.home, "staging")
	for _, dir := range []string{s.Dir, s.path("tmp"), s.path(hadoopFolder)} {
		if err := os.Mkdir(dir, 0o750); err != nil {
			return err
		}
	}
	for name, text := range hadoopDefaults {
		if err := os.WriteFile(s.path(hadoopFolder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(s.home, "log4j2.properties"), []byte(sparkLog), 0o600)
}
