package mariadb

import (
	"time"
)

// drain runs the window's query on an idle connection of the driver, and sends its rows to out.
func (e *extraction) drain(conn any, conv *converters, out *output) error {
	e.told = time.Now()
	query, args := e.query(e.w)
	rows := &intake{converters: conv, out: out}
	done := func() { e.tell(e.rows+rows.count, e.bytes+rows.sent+conv.size) }
	err := stream(e.session.ctx, conn, query, args, rows, done)
	if err == nil {
		err = rows.send()
	}
	e.rows, e.bytes = e.rows+rows.count, e.bytes+rows.sent
	return err
}

// intake appends the rows of one query, and sends a batch off whenever one is full.
type intake struct {
	*converters
	out   *output
	count int64 // of rows
	sent  int64 // about how many bytes of them
}

func (i *intake) append(row []byte) error {
	if err := i.converters.append(row); err != nil {
		return err
	}
	i.count++
	if i.full() {
		return i.send()
	}
	return nil
}

// send sends what is in hand, be it nothing.
func (i *intake) send() error {
	size := i.size
	batch, err := i.flush()
	if err != nil {
		return err
	}
	i.sent += size
	return i.out.send(batch)
}

func (e *extraction) tell(rows, bytes int64) {
	if e.req.Progress == nil || time.Since(e.told) < time.Second {
		return
	}
	e.told = time.Now()
	e.req.Progress(rows, bytes)
}
