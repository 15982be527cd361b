package mariadb

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	commandPrepare = 0x16
	commandExecute = 0x17
	commandClose   = 0x19

	statusMoreResults = 1 << 3
)

// rowSink takes a result: its columns first, then each row as the binary protocol has it, valid during the call.
type rowSink interface {
	bind(columns []field) error
	append(row []byte) error
}

// stream prepares and executes a query on an idle connection of the driver and passes its result on. It
// returns nil only after the packet that ends the result; the server's own errors are *mysql.MySQLError. When ctx ends, so does a
// read that waits. After any error but the server's own the connection is closed: it may hold rows unread.
//
// after is called behind every read from the connection, once the rows that it brought were passed on.
func stream(ctx context.Context, conn any, query string, args []driver.NamedValue, rows rowSink, after func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w, err := borrow(conn)
	if err != nil {
		return err
	}
	defer w.release()
	stop := context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) })
	err = w.run(query, args, rows, after)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if _, own := errors.AsType[*mysql.MySQLError](err); err != nil && (!own || ctx.Err() != nil) {
		_ = w.conn.Close() // it is not used again, whatever closing it says
	}
	return err
}

func (w *wire) run(query string, args []driver.NamedValue, rows rowSink, after func()) error {
	s, err := w.prepare(query)
	if err != nil {
		return err
	}
	if err = w.execute(s, args); err == nil {
		err = w.result(s, rows, after)
	}
	_, own := errors.AsType[*mysql.MySQLError](err)
	switch {
	case err != nil && !own:
		return err
	case w.at != w.end: // the driver would miss it, or take it for an answer of its own
		return fmt.Errorf("%w: something follows the end of the result", errMalformed)
	}
	return errors.Join(err, w.command(commandClose, binary.LittleEndian.AppendUint32(nil, s.id)))
}

// statement is a prepared statement at the server.
type statement struct {
	id         uint32
	parameters int
	columns    []field
}

func (w *wire) prepare(query string) (*statement, error) {
	if err := w.command(commandPrepare, []byte(query)); err != nil {
		return nil, err
	}
	p, err := w.packet()
	switch {
	case err != nil:
		return nil, err
	case len(p) == 0 || p[0] != packetOK:
		return nil, serverError(p)
	case len(p) < 9:
		return nil, errMalformed
	}
	s := &statement{id: binary.LittleEndian.Uint32(p[1:]), parameters: int(binary.LittleEndian.Uint16(p[7:]))}
	columns := int(binary.LittleEndian.Uint16(p[5:]))
	if _, err := w.definitions(s.parameters); err != nil {
		return nil, err
	}
	s.columns, err = w.definitions(columns)
	return s, err
}

// definitions reads n definitions of columns or parameters, and what ends them.
func (w *wire) definitions(n int) ([]field, error) {
	if n == 0 {
		return nil, nil
	}
	fields := make([]field, n)
	for i := range fields {
		p, err := w.packet()
		if err != nil {
			return nil, err
		}
		if fields[i], err = definition(p); err != nil {
			return nil, err
		}
	}
	return fields, w.endOfDefinitions()
}

func (w *wire) endOfDefinitions() error {
	if !w.endsInEOF {
		return nil
	}
	p, err := w.packet()
	if err == nil && (len(p) != 5 || p[0] != packetEnd) {
		return errMalformed
	}
	return err
}

// result reads everything that answers an EXECUTE.
func (w *wire) result(s *statement, rows rowSink, after func()) error {
	p, err := w.packet()
	switch {
	case err != nil:
		return err
	case len(p) == 0 || p[0] == packetError:
		return serverError(p)
	case p[0] == packetOK || p[0] == packetLocal:
		return fmt.Errorf("%w: the query has no result", errMalformed)
	}
	n, end := lengthOf(p, 0)
	if end < 0 || n > 1<<16 || w.cachesMetadata && end >= len(p) {
		return errMalformed
	}
	if columns := s.columns; w.cachesMetadata && p[end] == 0 {
		if err := w.endOfDefinitions(); err != nil {
			return err
		}
		if len(columns) != int(n) {
			return fmt.Errorf("%w: %d columns, where %d were prepared", errMalformed, n, len(columns))
		}
	} else if s.columns, err = w.definitions(int(n)); err != nil {
		return err
	}
	if err := rows.bind(s.columns); err != nil {
		return err
	}
	return w.rows(rows, after)
}

// rows passes rows on until the packet that ends them.
func (w *wire) rows(rows rowSink, after func()) error {
	reads := w.reads
	for {
		p, err := w.packet()
		switch {
		case err != nil:
			return err
		case len(p) == 0:
			return errMalformed
		case p[0] == packetError:
			return serverError(p)
		case p[0] == packetEnd:
			after()
			return w.endOfRows(p)
		case p[0] != packetOK:
			return errMalformed
		}
		if w.reads != reads {
			reads = w.reads
			after()
		}
		if err := rows.append(p); err != nil {
			return err
		}
	}
}

// endOfRows checks the packet that ends a result: EOF, or OK under EOF's first byte.
func (w *wire) endOfRows(p []byte) error {
	status := 3 // behind the count of warnings
	if w.endsInEOF {
		if len(p) != 5 {
			return errMalformed
		}
	} else {
		_, end := lengthOf(p, 1) // affected rows
		if end > 0 {
			_, end = lengthOf(p, end) // last insert id
		}
		if end < 0 || len(p) < end+4 {
			return errMalformed
		}
		status = end
	}
	if binary.LittleEndian.Uint16(p[status:])&statusMoreResults != 0 {
		return fmt.Errorf("%w: a second result follows", errMalformed)
	}
	return nil
}
