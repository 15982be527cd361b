package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

// valve is a proxy in front of a MariaDB server. It holds back what the server sends on a connection once that is more than held
// bytes, until it is opened: a read of many rows is then in its middle for as long as a test needs.
type valve struct {
	Port int

	held   int64
	server string
	tables []string

	mu      sync.Mutex
	holding map[*held]bool
	open    map[string]bool // by table, "" for all
}

// held is a connection that is held back: the table that it last asked for, where it was one of the valve's and the connection is plain.
type held struct {
	table string
	on    chan struct{}
	ends  func()
}

func newValve(t *testing.T, server *testserver.Server, bytes int64, tables ...string) *valve {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	v := &valve{
		Port: listener.Addr().(*net.TCPAddr).Port, held: bytes, server: net.JoinHostPort(server.Host, fmt.Sprint(server.Port)), tables: tables,
		holding: map[*held]bool{}, open: map[string]bool{},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { v.serve(conn) })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		v.Cut()
		serving.Wait()
	})
	return v
}

// serve passes on what client and server say until one of them ends the connection.
func (v *valve) serve(client net.Conn) {
	server, err := net.Dial("tcp", v.server)
	if err != nil {
		_ = client.Close()
		return
	}
	ends := func() { _, _ = client.Close(), server.Close() }
	h := &held{on: make(chan struct{}), ends: ends}
	var copying sync.WaitGroup
	copying.Go(func() { defer ends(); v.up(server, client, h) })
	copying.Go(func() { defer ends(); v.down(client, server, h) })
	copying.Wait()
}

// up passes on what the client says, and notes which table it asks for.
func (v *valve) up(server io.Writer, client io.Reader, h *held) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		for _, name := range v.tables {
			if bytes.Contains(buffer[:n], []byte("FROM `"+name+"`")) {
				v.mu.Lock()
				h.table = name
				v.mu.Unlock()
			}
		}
		if _, failed := server.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

// down passes on what the server says, and waits once it was enough.
func (v *valve) down(client io.Writer, server io.Reader, h *held) {
	buffer := make([]byte, 16<<10)
	for sent := int64(0); ; {
		n, err := server.Read(buffer)
		if sent += int64(n); sent > v.held {
			v.hold(h)
		}
		if _, failed := client.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (v *valve) hold(h *held) {
	v.mu.Lock()
	if v.open[h.table] || v.open[""] {
		v.mu.Unlock()
		return
	}
	v.holding[h] = true
	v.mu.Unlock()
	<-h.on
}

// Await waits until so many connections are held.
func (v *valve) Await(t *testing.T, connections int) {
	t.Helper()
	require.Eventually(t, func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return len(v.holding) == connections
	}, 2*time.Minute, 5*time.Millisecond, "%d connections are held", connections)
}

// Open lets a table's connections go on, and holds none of them any more; "" is all tables.
func (v *valve) Open(table string) { v.release(table, func(*held) {}) }

// Cut ends the connections that are held, and holds none any more.
func (v *valve) Cut() { v.release("", func(h *held) { h.ends() }) }

func (v *valve) release(table string, before func(*held)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open[table] = true
	for h := range v.holding {
		if table == "" || h.table == table {
			before(h)
			close(h.on)
			delete(v.holding, h)
		}
	}
}

// through has the stack's runs reach a server through the valve.
func (s *stack) through(t *testing.T, v *valve, server *testserver.Server) {
	t.Helper()
	path := filepath.Join(s.dir, "clients.yaml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := strings.ReplaceAll(string(text), fmt.Sprintf("port: %d,", server.Port), fmt.Sprintf("port: %d,", v.Port))
	require.NotEqual(t, string(text), changed)
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
}

// requireInTheMiddle requires that so many runs on the worker's scratch disk have read some chunks of their tables, and that more are to come after
// the one that they are reading.
func (s *stack) requireInTheMiddle(t *testing.T, runs int) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "scratch/worker-*/*/raw/manifest.json"))
	require.NoError(t, err)
	require.Len(t, found, runs)
	for _, path := range found {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var manifest struct{ Chunks []struct{ Done bool } }
		require.NoError(t, json.Unmarshal(text, &manifest))
		done := 0
		for _, c := range manifest.Chunks {
			if c.Done {
				done++
			}
		}
		require.Positive(t, done)
		require.Greater(t, len(manifest.Chunks), done+1)
	}
}
