package testserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// SparkShareEnv names the environment variable with the URL of a SparkShare.
const SparkShareEnv = "TRIBUTARY_TEST_SPARK_SHARE"

// sparkAddress is where a shared Spark is: JSON between SparkShare and the test binaries.
type sparkAddress struct {
	URL string `json:"url"`
	Dir string `json:"dir"`
}

// sharedSpark finds or starts the Spark that this test binary shares.
func sharedSpark() (sparkAddress, error) {
	if server := os.Getenv("TRIBUTARY_TEST_SPARK"); server != "" {
		return externalSpark(server, os.Getenv("TRIBUTARY_TEST_SPARK_DIR"))
	}
	if share := os.Getenv(SparkShareEnv); share != "" {
		return askSparkShare(share)
	}
	s, err := ownSpark()
	if err != nil {
		return sparkAddress{}, err
	}
	return sparkAddress{URL: s.URL, Dir: s.Dir}, nil
}

// ownSpark is this test binary's, and ends with it.
var ownSpark = sync.OnceValues(func() (*SparkServer, error) {
	s, err := StartSpark()
	if err != nil {
		return nil, err
	}
	if err := s.closeAtExit(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
})

func externalSpark(server, dir string) (sparkAddress, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return sparkAddress{}, fmt.Errorf("TRIBUTARY_TEST_SPARK_DIR is %q: with TRIBUTARY_TEST_SPARK, it must be a folder that both Spark and the tests see", dir)
	}
	s := &SparkServer{URL: server}
	ctx, cancel := startContext()
	defer cancel()
	if err := s.ping(ctx); err != nil {
		return sparkAddress{}, fmt.Errorf("TRIBUTARY_TEST_SPARK: %w", err)
	}
	return sparkAddress{URL: server, Dir: dir}, nil
}

// askSparkShare waits as long as a start takes.
func askSparkShare(share string) (sparkAddress, error) {
	ctx, cancel := startContext()
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, share, http.NoBody)
	if err != nil {
		return sparkAddress{}, fmt.Errorf("%s: %w", SparkShareEnv, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return sparkAddress{}, fmt.Errorf("%s: %w", SparkShareEnv, err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return sparkAddress{}, fmt.Errorf("%s: %w", SparkShareEnv, err)
	}
	if response.StatusCode != http.StatusOK {
		return sparkAddress{}, fmt.Errorf("the Spark of this run: %s", text)
	}
	var address sparkAddress
	return address, json.Unmarshal(text, &address)
}

// SparkShare is one Spark for several test binaries, started when the first asks: an http.Handler that answers with its address.
type SparkShare struct {
	mu     sync.Mutex
	server *SparkServer
	err    error
}

// ServeHTTP starts the server unless it was started, and answers with where it is, or why it is not.
func (s *SparkShare) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		s.server, s.err = StartSpark()
	}
	if s.err != nil {
		http.Error(w, s.err.Error(), http.StatusServiceUnavailable) // the same to all: another try would only take another while
		return
	}
	text, err := json.Marshal(sparkAddress{URL: s.server.URL, Dir: s.server.Dir})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // who does not read it has gone
}

// Close ends the server, if one was started, and waits for one that is starting.
func (s *SparkShare) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// closeAtExit leaves closing to a shell that waits for the end of this process: a test binary has no
// hook for what outlives its tests.
func (s *SparkServer) closeAtExit() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	const script = `trap '' INT TERM HUP; read -r _; for i in 1 2 3 4 5 6 7 8 9; do kill -9 "$1" || break; sleep 0.2; done
for i in 1 2 3 4 5 6 7 8 9; do rm -rf "$2" && break; sleep 1; done # it may still be writing`
	cmd := exec.Command("sh", "-c", script, "sh", strconv.Itoa(s.process.cmd.Process.Pid), s.home)
	cmd.Stdin = r
	err = cmd.Start()
	if err := errors.Join(err, r.Close()); err != nil {
		return errors.Join(err, w.Close())
	}
	s.lifeline = w
	return cmd.Process.Release()
}

// startContext is for calls that may wait for a server to start, in another process too.
func startContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*startTimeout)
}
