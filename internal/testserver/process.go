package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = 5 * time.Minute // generous: machines that run tests are often overloaded
	stopTimeout  = 3 * time.Minute
	pollInterval = 20 * time.Millisecond
)

// process is a child that dies with this one.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the child has ended
	err  error         // of Wait; read after done
}

// startProcess starts the command with both of its outputs appended to logFile.
//
// The goroutine that starts the child keeps its thread until the child ends: Linux sends the parent-
// death signal when the *thread* that forked is gone, not the process (golang/go#27505).
func startProcess(logFile, path string, args ...string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})} // without a context: Stop and Kill end it
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()

	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		_ = log.Close() // the child has its own descriptor
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return p, nil
}

// exited says whether the child has ended.
func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// waitReady calls ready until it returns nil, the child ends, or startTimeout is over.
func (p *process) waitReady(ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended while starting: %w", p.cmd.Path, errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready after %s: %w", p.cmd.Path, startTimeout, err)
		case <-tick.C:
		}
	}
}

// signal sends sig and waits for the end. A child that does not end in stopTimeout is killed, and that is an error.
func (p *process) signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %s to %s: %w", sig, p.cmd.Path, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %s of %s and was killed", p.cmd.Path, stopTimeout, sig)
	}
}

// kill ends the child at once, as a crash would.
func (p *process) kill() error { return p.signal(syscall.SIGKILL) }

// Ports are taken from below the range that kernels hand out to outgoing connections (32768 and up
// on Linux, 49152 elsewhere), so that a server that was stopped finds its port free when it starts again.
const firstPort, lastPort = 20000, 32000

// held are UDP sockets that keep ports from other test binaries until this one ends: a server that is starting, or was
// stopped, does not listen on its own.
var held struct {
	sync.Mutex
	sockets []net.PacketConn
}

// freePort returns a port of 127.0.0.1 that nobody listens on, and that no other call returns as long as this process runs.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := firstPort + randomInt(lastPort-firstPort)
		if err = hold(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d on 127.0.0.1: %w", firstPort, lastPort, err)
}

func hold(address string) error {
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, socket.Close())
	}
	held.Lock()
	defer held.Unlock()
	held.sockets = append(held.sockets, socket)
	return l.Close()
}
