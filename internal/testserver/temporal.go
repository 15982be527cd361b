package testserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// SearchAttributes are the Keyword search attributes that Tributary's workflows set.
var SearchAttributes = []string{"Client", "Region", "Table", "SyncName"}

// DevServer is a Temporal dev server in memory: its state goes with the process.
type DevServer struct {
	Address   string // host:port of the frontend
	Namespace string
	Client    client.Client

	dir     string
	process *process
}

// Temporal starts a Temporal dev server without its Web UI, with SearchAttributes registered in
// namespace "default", and stops it after the test. It takes a second or two. args are added to
// those of `temporal server start-dev`: "--dynamic-config-value", "limit.maxIDLength=500".
func Temporal(tb testing.TB, args ...string) *DevServer {
	tb.Helper()
	s, err := StartTemporal(args...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close Temporal: %v", err)
		}
	})
	return s
}

// StartTemporal is Temporal for TestMain; the caller closes it.
//
// The SDK's testsuite.StartDevServer would do, but for one thing: its servers outlive a test binary
// that is killed or panics.
func StartTemporal(args ...string) (*DevServer, error) {
	program, err := findTemporal()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		s, err := startTemporal(program, args)
		// It picks more ports for itself, which others may take before it listens.
		if err == nil || try == 5 || !strings.Contains(err.Error(), "address already in use") {
			return s, err
		}
	}
}

func startTemporal(program string, args []string) (*DevServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tributary-temporal-")
	if err != nil {
		return nil, err
	}
	s := &DevServer{Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Namespace: client.DefaultNamespace, dir: dir}
	if err := s.start(program, port, args); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func findTemporal() (string, error) {
	dir, err := root()
	if err != nil {
		return "", err
	}
	path, ok := findProgram("temporal", filepath.Join(dir, "bin"))
	if !ok {
		return "", fmt.Errorf("the Temporal CLI (temporal): %w: run tests/provision.sh, which builds it into bin/, or put one in the PATH", ErrMissing)
	}
	return path, nil
}

func (s *DevServer) start(program string, port int, extra []string) error {
	args := []string{"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", strconv.Itoa(port), "--log-level", "error"}
	for _, name := range SearchAttributes {
		args = append(args, "--search-attribute", name+"=Keyword")
	}
	logFile := filepath.Join(s.dir, "log")
	p, err := startProcess(logFile, program, append(args, extra...)...)
	if err != nil {
		return err
	}
	s.process = p
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler)) // what the client has to say comes back as errors too
	err = p.waitReady(func(ctx context.Context) (err error) {
		s.Client, err = client.DialContext(ctx, client.Options{HostPort: s.Address, Namespace: s.Namespace, Logger: quiet})
		return err
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(logFile))
	}
	return nil
}

// Close closes the client, stops the server and removes its folder. Closing twice does nothing.
func (s *DevServer) Close() error {
	if s.Client != nil {
		s.Client.Close()
		s.Client = nil
	}
	var err error
	if s.process != nil && !s.process.exited() {
		err = s.process.signal(syscall.SIGKILL) // in memory: there is nothing to shut down for
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
