package mariadb

import (
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// said is what a server says in answer to PREPARE and EXECUTE: packets, numbered from 1 in each answer.
func said(answers ...[]string) (all []byte) {
	for _, packets := range answers {
		for i, p := range packets {
			all = append(all, byte(len(p)), byte(len(p)>>8), byte(len(p)>>16), byte(i+1))
			all = append(all, p...)
		}
	}
	return all
}

const (
	oneColumn = "\x00\x07\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"                                 // statement 7, no parameters
	aBigint   = "\x03def\x00\x00\x00\x01v\x00\x0c\x3f\x00\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00" // its name is v
	aRow      = "\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08"
	ok        = "\xfe\x00\x00\x02\x00\x00\x00"
	eof       = "\xfe\x00\x00\x02\x00"
	failed    = "\xff\x28\x04#42000went wrong"
)

func TestResults(t *testing.T) {
	for name, c := range map[string]struct {
		mode byte
		said []byte
		rows int
	}{
		"OK":                                   {0, said([]string{oneColumn, aBigint}, []string{"\x01", aBigint, aRow, aRow, ok}), 2},
		"OK no rows":                           {0, said([]string{oneColumn, aBigint}, []string{"\x01", aBigint, ok}), 0},
		"OK EOF packets":                       {1, said([]string{oneColumn, aBigint, eof}, []string{"\x01", aBigint, eof, aRow, eof}), 1},
		"OK definitions that changed":          {2, said([]string{oneColumn, aBigint}, []string{"\x01\x01", aBigint, aRow, ok}), 1},
		"OK definitions left out":              {2, said([]string{oneColumn, aBigint}, []string{"\x01\x00", aRow, ok}), 1},
		"OK definitions left out, EOF packets": {3, said([]string{oneColumn, aBigint, eof}, []string{"\x01\x00", eof, aRow, eof}), 1},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := replay(c.mode, c.said)
			require.NoError(t, err)
			assert.Equal(t, c.rows, rows)
			for cut := range c.said {
				for _, reads := range []byte{0, 4} {
					_, err := replay(c.mode|reads, c.said[:cut])
					require.ErrorIs(t, err, io.ErrUnexpectedEOF, "cut behind %d of %d bytes", cut, len(c.said))
				}
			}
		})
	}
}

func TestMalformedPackets(t *testing.T) {
	good := []string{oneColumn, aBigint}
	numbered := said(good, []string{"\x01", aBigint, aRow, ok})
	numbered[len(numbered)-len(ok)-1]++ // the end's number
	for name, c := range map[string]struct {
		mode byte
		said []byte
	}{
		"Err out of turn":               {0, numbered},
		"Err empty answer":              {0, said([]string{""})},
		"Err short answer to PREPARE":   {0, said([]string{oneColumn[:8]})},
		"Err short definition":          {0, said([]string{oneColumn, aBigint[:len(aBigint)-8]})},
		"Err unknown column type":       {0, said([]string{oneColumn, aBigint[:len(aBigint)-6] + "\xf3\x00\x00\x00\x00\x00"})},
		"Err no EOF packet":             {1, said([]string{oneColumn, aBigint, aBigint})},
		"Err no result":                 {0, said(good, []string{"\x00\x00\x00\x02\x00\x00\x00"})},
		"Err asks for a local file":     {0, said(good, []string{"\xfb/etc/passwd"})},
		"Err empty count":               {0, said(good, []string{""})},
		"Err too many columns":          {0, said(good, []string{"\xfd\xff\xff\xff"})},
		"Err count without its flag":    {2, said(good, []string{"\x01"})},
		"Err other count than prepared": {2, said(good, []string{"\x02\x00"})},
		"Err empty row":                 {0, said(good, []string{"\x01", aBigint, ""})},
		"Err neither row nor end":       {0, said(good, []string{"\x01", aBigint, "\x01"})},
		"Err EOF where OK is due":       {0, said(good, []string{"\x01", aBigint, eof})},
		"Err OK where EOF is due":       {1, said([]string{oneColumn, aBigint, eof}, []string{"\x01", aBigint, eof, ok})},
		"Err a second result":           {0, said(good, []string{"\x01", aBigint, "\xfe\x00\x00\x0a\x00\x00\x00"})},
		"Err more behind the end":       {0, append(said(good, []string{"\x01", aBigint, ok}), 1)},
		"Err more behind an error":      {0, append(said(good, []string{"\x01", aBigint, failed}), 1)},
		"Err short error":               {0, said(good, []string{"\x01", aBigint, "\xff\x28"})},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay(c.mode, c.said)
			require.ErrorIs(t, err, errMalformed)
			assert.Equal(t, err, classify(err), "worth a retry")
		})
	}
}

func TestServersErrorsAreItsOwn(t *testing.T) {
	good := []string{oneColumn, aBigint}
	for name, said := range map[string][]byte{
		"Err PREPARE":    said([]string{failed}),
		"Err EXECUTE":    said(good, []string{failed}),
		"Err among rows": said(good, []string{"\x01", aBigint, aRow, failed}),
		"Err out of turn, as when a connection is killed": append(said(good, []string{"\x01", aBigint}), "\x0d\x00\x00\x00"+failed[:13]...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay(0, said)
			require.ErrorIs(t, err, &mysql.MySQLError{Number: 1064})
			server, _ := errors.AsType[*mysql.MySQLError](err)
			assert.Equal(t, "42000", string(server.SQLState[:]))
			assert.Contains(t, server.Message, "went")
		})
	}
}

// TestPacketsAreBounded announces more than any server may send.
func TestPacketsAreBounded(t *testing.T) {
	w := &wire{conn: &canned{}, buffer: readBuffers.Get().(*[]byte), long: make([]byte, 0)}
	defer w.release()
	w.conn = &canned{said: []byte{0xff, 0xff, 0xff, 0}, chunk: 4}
	_, err := w.packet()
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "what is announced is read as it comes")
	assert.Less(t, cap(w.long), 2*maxPart)
}

func TestParametersArriveAsTheyAre(t *testing.T) {
	conn, err := newFixture(t).open().db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	args := []driver.NamedValue{
		{Value: int64(-5)}, {Value: uint64(18446744073709551615)}, {Value: "é"}, {Value: []byte{0, 255}}, {Value: nil},
		{Value: string(make([]byte, 300))}, {Value: string(make([]byte, 70000))}, {Value: "2024-01-01 00:00:00.000001"}, {Value: int64(9)},
	}
	const query = "select 1 from dual where ? = -5 and ? = 18446744073709551615 and ? = 'é' and ? = x'00ff' and ? is null " +
		"and length(?) = 300 and length(?) = 70000 and cast('2024-01-01 00:00:00.000002' as datetime(6)) > ? and ? = 9"
	sink := &counter{}
	run := func(args []driver.NamedValue) error {
		return conn.Raw(func(raw any) error { return stream(t.Context(), raw, query, args, sink, func() {}) })
	}
	require.NoError(t, run(args))
	assert.Equal(t, 1, sink.rows)
	require.ErrorContains(t, run(append(args[:8:8], driver.NamedValue{Value: 1.5})), "parameter 9")
	require.Error(t, conn.PingContext(t.Context()), "closed, as after any error of ours")
}
