package mariadb

import (
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

// fuzzColumns is a table of every way in which a value is sent and kept. The corpus was recorded from it.
var fuzzColumns = []struct {
	declared string
	typ      table.Type
	field    field
}{
	{"tinyint", table.Byte, field{asInteger, 1, false}},
	{"smallint unsigned", table.Integer, field{asInteger, 2, true}},
	{"int", table.Integer, field{asInteger, 4, false}},
	{"bigint", table.Long, field{asInteger, 8, false}},
	{"bigint unsigned", table.Decimal(20, 0), field{asInteger, 8, true}},
	{"tinyint(1)", table.Boolean, field{asInteger, 1, false}},
	{"bit(1)", table.Boolean, field{asBits, 0, true}},
	{"bit(63)", table.Long, field{asBits, 0, true}},
	{"decimal(12,2)", table.Decimal(12, 2), field{asBytes, 0, false}},
	{"decimal(38,10)", table.Decimal(38, 10), field{asBytes, 0, false}},
	{"float", table.Float, field{asFloat, 0, false}},
	{"double", table.Double, field{asDouble, 0, false}},
	{"date", table.Date, field{asDate, 0, false}},
	{"datetime(6)", table.Timestamp, field{asDatetime, 0, false}},
	{"timestamp(3)", table.Timestamp, field{asInstant, 0, true}},
	{"time(3)", table.String, field{asTime, 0, false}},
	{"varchar(400)", table.String, field{asBytes, 0, false}},
	{"longblob", table.Binary, field{asBytes, 0, false}},
}

// fuzzed are converters for rows of fuzzColumns, and their fields.
func fuzzed() (*converters, []field) {
	var plan []table.SourceColumn
	var fields []field
	for _, c := range fuzzColumns {
		plan = append(plan, table.SourceColumn{Name: c.declared, SourceType: c.declared, Type: c.typ, Nullable: true})
		fields = append(fields, c.field)
	}
	zone, _ := time.LoadLocation("Europe/Berlin")
	return newConverters(ExtractRequest{Plan: table.Plan{Columns: plan}}, zone, arrowSchema(plan), &arrowfile.Pool{}), fields
}

// FuzzRow holds the row decoder to its promises: whatever the bytes, there is a row, exactly as long as they are, or
// an error; never a panic, and never a text that is no UTF-8.
func FuzzRow(f *testing.F) {
	c, fields := fuzzed()
	if err := c.bind(fields); err != nil {
		f.Fatal(err)
	}
	read := func(p []byte) (row []string, nulls, zeros int, err error) {
		before := c.zeroDates
		err = c.append(p)
		batch, flushErr := c.flush()
		if flushErr != nil {
			c, _ = fuzzed() // what it held stays behind
			if bindErr := c.bind(fields); bindErr != nil {
				return nil, 0, 0, bindErr
			}
			return nil, 0, 0, errors.Join(err, flushErr)
		}
		defer batch.Release()
		for i := range fields {
			if batch.NumRows() == 0 {
				continue
			}
			column := batch.Column(i)
			row = append(row, column.ValueStr(0))
			nulls += column.NullN()
			if text, ok := column.(*array.String); ok && !utf8.ValidString(text.Value(0)) {
				err = fmt.Errorf("%q passed as UTF-8", text.Value(0))
			}
		}
		return row, nulls, int(c.zeroDates - before), err
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		row, nulls, zeros, err := read(p)
		if err != nil {
			if row != nil {
				t.Fatalf("a row %q with %v", row, err)
			}
			return
		}
		again, _, _, err := read(append([]byte(nil), p...))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(row) {
			t.Fatalf("%q, then %q, %v", row, again, err)
		}
		marked := 0
		for i := range fields {
			marked += int(p[1+(i+2)/8] >> ((i + 2) % 8) & 1)
		}
		if nulls != marked+zeros {
			t.Fatalf("%d NULLs of %d marked and %d zero dates", nulls, marked, zeros)
		}
		for _, wrong := range [][]byte{p[:len(p)-1], append(append([]byte(nil), p...), 0)} {
			if _, _, _, err := read(wrong); err == nil {
				t.Fatalf("%d bytes are a row, and so are %d", len(p), len(wrong))
			}
		}
	})
}

// canned is a connection on which the server has said everything already.
type canned struct {
	net.Conn
	said  []byte
	chunk int // the most that one read returns
}

func (c *canned) Read(p []byte) (int, error) {
	if len(c.said) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.chunk)], c.said)
	c.said = c.said[n:]
	return n, nil
}

func (c *canned) Write(p []byte) (int, error) { return len(p), nil }

// replay runs a query against what a server said to it. Bits of mode: EOF packets, cached metadata, small reads.
func replay(mode byte, said []byte) (rows int, err error) {
	chunk := readBuffer
	if mode&4 != 0 {
		chunk = 7
	}
	w := &wire{
		conn: &canned{said: said, chunk: chunk}, endsInEOF: mode&1 != 0, cachesMetadata: mode&2 != 0,
		buffer: readBuffers.Get().(*[]byte),
	}
	defer w.release()
	sink := &counter{}
	err = w.run("SELECT", nil, sink, func() {})
	return sink.rows, err
}

// FuzzPackets holds everything around the rows to its promises: whatever a server says, there is an end or an error, and
// what ends well does not without its last byte.
func FuzzPackets(f *testing.F) {
	f.Fuzz(func(t *testing.T, mode byte, said []byte) {
		rows, err := replay(mode, said)
		if err != nil {
			return
		}
		if again, err := replay(mode^4, said); again != rows || (err != nil) != (mode&4 != 0 && trailing(err)) {
			t.Fatalf("%d rows in one way, %d (%v) in the other", rows, again, err)
		}
		if mode&4 == 0 && len(said) < readBuffer {
			if _, err := replay(mode, said[:len(said)-1]); err == nil {
				t.Fatal("as good without its last byte")
			}
		}
	})
}

// trailing says whether bytes after the end were noticed, which needs a read that brings them.
func trailing(err error) bool { return errors.Is(err, errMalformed) }
