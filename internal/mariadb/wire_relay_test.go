package mariadb

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// relay passes bytes between clients and a server; back passes on what the server sends, and the connection ends with it.
func relay(t *testing.T, target string, back func(client io.Writer, server io.Reader)) *net.TCPAddr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				upstream, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer upstream.Close()
				go func() { _, _ = io.Copy(upstream, client) }()
				back(client, upstream)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr)
}

// hidden takes capabilities out of the server's handshake, as an older server's would be.
func hidden(deprecateEOF, cachedMetadata bool) func(io.Writer, io.Reader) {
	return func(client io.Writer, server io.Reader) {
		header := make([]byte, headerSize)
		if _, err := io.ReadFull(server, header); err != nil {
			return
		}
		hello := make([]byte, int(header[0])|int(header[1])<<8)
		if _, err := io.ReadFull(server, hello); err != nil {
			return
		}
		// Behind the version come the id (4 bytes), salt (8), filler (1), flags (2), character set (1), status (2), flags
		// (2), the salt's length (1), filler (6), and MariaDB's flags (4).
		flags := bytes.IndexByte(hello, 0) + 1 + 4 + 8 + 1 + 2 + 1 + 2
		upper := binary.LittleEndian.Uint16(hello[flags:])
		mariadb := binary.LittleEndian.Uint32(hello[flags+2+1+6:])
		if deprecateEOF {
			upper &^= capDeprecateEOF >> 16
		}
		if cachedMetadata {
			mariadb &^= capCacheMetadata
		}
		binary.LittleEndian.PutUint16(hello[flags:], upper)
		binary.LittleEndian.PutUint32(hello[flags+2+1+6:], mariadb)
		if _, err := client.Write(slices.Concat(header, hello)); err == nil {
			_, _ = io.Copy(client, server)
		}
	}
}

// cutting cuts every connection once limit bytes came from the server, and counts them.
func cutting(t *testing.T, target string, limit, passed *atomic.Int64) *net.TCPAddr {
	t.Helper()
	return relay(t, target, func(client io.Writer, server io.Reader) {
		_, _ = io.Copy(client, io.LimitReader(io.TeeReader(server, counting{passed}), limit.Load()))
	})
}

type counting struct{ n *atomic.Int64 }

func (c counting) Write(p []byte) (int, error) { c.n.Add(int64(len(p))); return len(p), nil }
