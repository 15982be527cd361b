package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"tributary/workflows"
)

// temporalServer is a Temporal dev server with its Web UI. What it holds is gone when it stops.
type temporalServer struct {
	*testsuite.DevServer
	UI  string // address of the Web UI
	log *os.File
}

const usualUIPort = "8233"

// stopGrace is how long an interrupted start is waited for: only a server that has started can be stopped.
const stopGrace = 3 * time.Second

// portTries bounds how often a server is started on other ports: those that were free may be taken before it listens.
const portTries = 5

func startTemporal(ctx context.Context, o options, f folder, logger *slog.Logger) (*temporalServer, error) {
	for try := 1; ; try++ {
		s, err := tryTemporal(ctx, o, f, logger)
		if err == nil || try == portTries || ctx.Err() != nil || !errors.Is(err, errPortTaken) {
			return s, err
		}
	}
}

var errPortTaken = errors.New("a port was taken meanwhile")

func tryTemporal(ctx context.Context, o options, f folder, logger *slog.Logger) (*temporalServer, error) {
	wanted := usualUIPort
	if o.once {
		wanted = "0" // nobody needs to know it, and several tours may start at once
	}
	uiPort, err := freePort(ctx, wanted)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(f.in("temporal.log"))
	if err != nil {
		return nil, err
	}
	var attributes []string
	for _, name := range workflows.SearchAttributes() {
		attributes = append(attributes, "--search-attribute", name+"=Keyword")
	}
	starting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, func() { cancel(ctx.Err()) }) })()
	server := &watched{file: log, says: "address already in use", then: func() { cancel(errPortTaken) }}
	s, err := testsuite.StartDevServer(starting, testsuite.DevServerOptions{
		ExistingPath: o.temporal, EnableUI: true, UIPort: uiPort, ExtraArgs: attributes, Stdout: server, Stderr: server,
		ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(logger)},
	})
	if err != nil {
		if cause := context.Cause(starting); cause != nil {
			err = cause
		}
		return nil, errors.Join(fmt.Errorf("start Temporal (%s): %w; its last words: %s", o.temporal, err, lastLine(log.Name())), log.Close())
	}
	return &temporalServer{DevServer: s, UI: "http://" + net.JoinHostPort("127.0.0.1", uiPort), log: log}, nil
}

// watched is a log that acts on a text. A server that cannot listen ends, and would be waited for a minute.
type watched struct {
	file *os.File
	says string
	then func()
}

func (w *watched) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte(w.says)) {
		w.then()
	}
	return w.file.Write(text)
}

func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// Stop ends the server. Ctrl-C in a terminal reached it too: that it has ended already is no error.
func (s *temporalServer) Stop() error {
	s.Client().Close()
	err := s.DevServer.Stop()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return errors.Join(err, s.log.Close())
}

// findTemporal returns the path of the Temporal CLI: the given one, or the first that there is.
func findTemporal(program string) (string, error) {
	candidates := []string{program}
	if program == "" {
		candidates = []string{filepath.Join("bin", "temporal"), "temporal"}
		if self, err := os.Executable(); err == nil {
			candidates = append([]string{filepath.Join(filepath.Dir(self), "temporal")}, candidates...)
		}
	}
	for _, candidate := range candidates {
		if path, err := exec.LookPath(candidate); err == nil {
			return filepath.Abs(path)
		}
	}
	if program != "" {
		return "", fmt.Errorf("--temporal: %s is not a program that can be run", program)
	}
	return "", errors.New("the Temporal CLI (temporal) is missing: run tests/provision.sh temporal, which builds it into bin/, or put one in the PATH")
}

// freePort returns the port, or another one where it is taken.
func freePort(ctx context.Context, wanted string) (string, error) {
	var config net.ListenConfig
	for _, port := range []string{wanted, "0"} {
		listener, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		_, free, err := net.SplitHostPort(listener.Addr().String())
		return free, errors.Join(err, listener.Close())
	}
	return "", errors.New("no free port on 127.0.0.1 for Temporal's Web UI")
}
