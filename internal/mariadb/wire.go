package mariadb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// The client/server protocol: https://mariadb.com/kb/en/clientserver-protocol/.
const (
	// readBuffer is how many bytes one read from the socket may return: the server sends 16 KiB at a time.
	readBuffer = 256 << 10
	headerSize = 4
	// maxPart is the most that one packet carries; what is longer goes on in the next one.
	maxPart = 1<<24 - 1
	// maxLong is more than the largest max_allowed_packet that a server takes, 1 GiB.
	maxLong = 1<<30 + 1<<24
)

// First bytes of packets.
const (
	packetOK    = 0x00
	packetLocal = 0xfb
	packetEnd   = 0xfe
	packetError = 0xff
)

// errMalformed is a packet that breaks the protocol. It is worth a retry: the next connection may be sound.
var errMalformed = errors.New("malformed packet from the server")

// wire reads and writes packets on a connection that the driver made, while the driver is idle between two
// commands. It is for one goroutine.
type wire struct {
	conn net.Conn
	// endsInEOF: an EOF packet ends definitions and rows, as before CLIENT_DEPRECATE_EOF.
	endsInEOF bool
	// cachesMetadata: the server leaves definitions out that did not change since PREPARE.
	cachesMetadata bool

	buffer *[]byte // of readBuffer bytes
	at     int     // what is unread is (*buffer)[at:end]
	end    int
	long   []byte // the packet in hand, when it does not fit the buffer
	next   byte   // the sequence number of the next packet
	reads  int    // from the connection, so far
}

var readBuffers = sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }}

// release gives the buffer back; what packet returned is no longer valid.
func (w *wire) release() {
	readBuffers.Put(w.buffer)
	w.buffer = nil
}

// packet returns the next packet, which is valid until the one after it. An error packet is returned as a
// packet. A connection that ends is io.ErrUnexpectedEOF: only packets end a result.
func (w *wire) packet() ([]byte, error) {
	for {
		have := (*w.buffer)[w.at:w.end]
		if len(have) < headerSize {
			if err := w.fill(); err != nil {
				return nil, err
			}
			continue
		}
		size := int(have[0]) | int(have[1])<<8 | int(have[2])<<16
		if size >= readBuffer-headerSize {
			return w.longPacket()
		}
		if len(have) < headerSize+size {
			if err := w.fill(); err != nil {
				return nil, err
			}
			continue
		}
		w.at += headerSize + size
		payload := have[headerSize : headerSize+size : headerSize+size]
		if have[3] != w.next && (size == 0 || payload[0] != packetError) { // errors may come out of turn
			return nil, fmt.Errorf("%w: number %d where %d was expected", errMalformed, have[3], w.next)
		}
		w.next = have[3] + 1
		return payload, nil
	}
}

// fill reads once more from the connection, behind what is unread.
func (w *wire) fill() error {
	buffer := *w.buffer
	w.end = copy(buffer, buffer[w.at:w.end])
	w.at = 0
	n, err := w.conn.Read(buffer[w.end:])
	w.end += n
	w.reads++
	if n > 0 {
		return nil
	}
	return cut(err)
}

// longPacket puts a packet together that is longer than the buffer, and sent in parts if need be.
func (w *wire) longPacket() ([]byte, error) {
	if cap(w.long) > 4*batchBytes { // one huge value is not held until the end
		w.long = nil
	}
	w.long = w.long[:0]
	for {
		var header [headerSize]byte
		if err := w.read(header[:]); err != nil {
			return nil, err
		}
		size := int(header[0]) | int(header[1])<<8 | int(header[2])<<16
		switch {
		case header[3] != w.next:
			return nil, fmt.Errorf("%w: number %d where %d was expected", errMalformed, header[3], w.next)
		case len(w.long)+size > maxLong:
			return nil, fmt.Errorf("%w: it is longer than %d bytes", errMalformed, maxLong)
		}
		w.next++
		before := len(w.long)
		w.long = slices.Grow(w.long, size)[:before+size]
		if err := w.read(w.long[before:]); err != nil {
			return nil, err
		}
		if size < maxPart {
			return w.long, nil
		}
	}
}

// read fills p, from the buffer first.
func (w *wire) read(p []byte) error {
	n := copy(p, (*w.buffer)[w.at:w.end])
	w.at += n
	if n == len(p) {
		return nil
	}
	w.reads++
	if _, err := io.ReadFull(w.conn, p[n:]); err != nil {
		return cut(err)
	}
	return nil
}

// cut words the end of a connection. A result that it ends is never whole.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the connection to the server was cut: %w", err)
}

// command begins a new exchange: a command byte and its payload.
func (w *wire) command(command byte, payload []byte) error {
	size := 1 + len(payload)
	if size >= maxPart {
		return fmt.Errorf("a command of %d bytes is too long for one packet", size)
	}
	packet := make([]byte, 0, headerSize+size)
	packet = append(packet, byte(size), byte(size>>8), byte(size>>16), 0, command)
	packet = append(packet, payload...)
	w.next = 1
	if _, err := w.conn.Write(packet); err != nil {
		return cut(err)
	}
	return nil
}

// serverError reads an error packet.
func serverError(packet []byte) error {
	if len(packet) < 3 || packet[0] != packetError {
		return errMalformed
	}
	err := &mysql.MySQLError{Number: binary.LittleEndian.Uint16(packet[1:])}
	message := packet[3:]
	if len(message) >= 6 && message[0] == '#' {
		copy(err.SQLState[:], message[1:6])
		message = message[6:]
	}
	err.Message = string(message)
	return err
}

// lengthOf reads a length-encoded integer at p[at:] and returns where it ends, or -1 when it does not
// end in p or is none.
func lengthOf(p []byte, at int) (n uint64, end int) {
	if at >= len(p) {
		return 0, -1
	}
	var width int
	switch p[at] {
	default:
		return uint64(p[at]), at + 1
	case 0xfb, 0xff: // NULL of the text protocol, and an error
		return 0, -1
	case 0xfc:
		width = 2
	case 0xfd:
		width = 3
	case 0xfe:
		width = 8
	}
	if end = at + 1 + width; end > len(p) {
		return 0, -1
	}
	for i := end - 1; i > at; i-- {
		n = n<<8 | uint64(p[i])
	}
	return n, end
}

// cellAt returns where the length-encoded string at p[at:] begins and ends; end is -1 when it does not end in p.
func cellAt(p []byte, at int) (start, end int) {
	if at < len(p) && p[at] < 0xfb {
		start = at + 1
		if end = start + int(p[at]); end <= len(p) {
			return start, end
		}
		return 0, -1
	}
	n, start := lengthOf(p, at)
	if start < 0 || n > uint64(len(p)-start) {
		return 0, -1
	}
	return start, start + int(n)
}
