// Command sparkshare runs a command, `go test` for one, whose test binaries share one Spark server:
// started when the first asks for it, ended with the command.
//
//	go run ./internal/testserver/sparkshare go test ./...
package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"tributary/internal/testserver"
)

func main() {
	err := run(os.Args[1:])
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exited():
		os.Exit(exit.ExitCode()) // it has said why
	case err != nil:
		fmt.Fprintln(os.Stderr, "sparkshare:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("name a command to run, such as go test")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	share := &testserver.SparkShare{}
	server := &http.Server{Handler: share, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until Close

	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), testserver.SparkShareEnv+"=http://"+listener.Addr().String())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return errors.Join(runUntilSignal(cmd), server.Close(), share.Close())
}

// runUntilSignal passes signals on and always waits for the command's own end: Spark ends after it.
func runUntilSignal(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		for sig := range signals {
			_ = cmd.Process.Signal(sig) // one that has ended needs none
		}
	}()
	return cmd.Wait()
}
