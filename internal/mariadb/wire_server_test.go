package mariadb

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql/driver"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// lent is what borrow makes of a new connection.
func (f *fixture) lent(s *Source) *wire {
	f.Helper()
	conn, err := s.db.Conn(f.Context())
	require.NoError(f, err)
	defer conn.Close()
	var w *wire
	require.NoError(f, conn.Raw(func(raw any) error {
		w, err = borrow(raw)
		return err
	}))
	w.release()
	return w
}

// certificate writes a self-signed certificate for 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// TestTheDriverLendsItsConnection is what an upgrade of the driver has to pass: decision 0014.
func TestTheDriverLendsItsConnection(t *testing.T) {
	t.Run("OK the version that was read", func(t *testing.T) {
		mod, err := os.ReadFile(filepath.Join(testserver.Root(t), "go.mod"))
		require.NoError(t, err)
		assert.Contains(t, string(mod), "github.com/go-sql-driver/mysql v1.10.1\n",
			"see that the new version neither reads ahead of a result's end nor keeps its connection in another way, then name it here")
	})
	t.Run("OK between two of its own commands", func(t *testing.T) {
		f := newFixture(t, "create table t (id int primary key)", "insert into t select seq from seq_1_to_1000")
		conn, err := f.open().db.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		for range 3 {
			var sum int
			require.NoError(t, conn.QueryRowContext(t.Context(), "select sum(id) from t where id < ?", 11).Scan(&sum))
			assert.Equal(t, 55, sum)
			sink := &counter{}
			require.NoError(t, conn.Raw(func(raw any) error {
				return stream(t.Context(), raw, "select * from t where id <= ?", []driver.NamedValue{{Value: int64(990)}}, sink, func() {})
			}))
			assert.Equal(t, 990, sink.rows)
		}
	})
	t.Run("OK over TLS", func(t *testing.T) {
		cert, key := certificate(t)
		secure := testserver.MariaDB(t, testserver.WithArgs("--ssl-cert="+cert, "--ssl-key="+key))
		f := &fixture{T: t, database: "test"}
		f.client = table.Client{ID: "acme", Host: secure.Host, Port: secure.Port, Database: "mysql", User: secure.User, TLS: "verify", CA: cert}
		s, err := Open(f.client, secure.Password)
		require.NoError(t, err)
		defer s.Close()
		assert.IsType(t, &tls.Conn{}, f.lent(s).conn)
		conn, err := s.db.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		sink := &counter{}
		query := "select seq, repeat('x', 100) from seq_1_to_100000"
		require.NoError(t, conn.Raw(func(raw any) error { return stream(t.Context(), raw, query, nil, sink, func() {}) }))
		assert.Equal(t, 100000, sink.rows)
		require.NoError(t, conn.PingContext(t.Context()))
	})
	t.Run("Err closed", func(t *testing.T) {
		conn, err := newFixture(t).open().connector.Connect(t.Context())
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		_, err = borrow(conn)
		require.ErrorIs(t, err, driver.ErrBadConn)
	})
}

// counter is a rowSink that keeps nothing.
type counter struct {
	columns []field
	rows    int
	fail    int    // the row to fail at, from 1
	first   func() // called at the first row, where it is set
}

func (c *counter) bind(columns []field) error { c.columns = columns; return nil }

func (c *counter) append([]byte) error {
	if c.rows++; c.rows == c.fail {
		return errKind
	}
	if c.rows == 1 && c.first != nil {
		c.first()
	}
	return nil
}

// TestServersErrorsAmongRows ends results at the server, after rows that were sent.
func TestServersErrorsAmongRows(t *testing.T) {
	const slow = "select seq, sleep(if(seq > 30000, 0.01, 0)), repeat('x', 50) from seq_1_to_50000"
	for name, c := range map[string]struct {
		query string
		kill  string
		want  uint16
		lives bool
	}{
		"Err max_statement_time": {query: "set statement max_statement_time=SECONDS for " + slow, want: 1969, lives: true},
		"Err KILL QUERY":         {query: slow, kill: "kill query", want: 1317, lives: true},
		"Err KILL":               {query: slow, kill: "kill"},
		"Err before any row":     {query: "select * from nowhere", want: 1146, lives: true},
		"Err not a query":        {query: "set @a = 1"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := newFixture(t).open().db.Conn(t.Context())
			require.NoError(t, err)
			defer conn.Close()
			var id int
			require.NoError(t, conn.QueryRowContext(t.Context(), "select connection_id()").Scan(&id))
			sink := &counter{}
			if c.kill != "" {
				sink.first = func() { server.Exec(t, fmt.Sprint(c.kill, " ", id)) }
			}
			for seconds := 2; seconds < 200; seconds *= 3 { // longer where a loaded server sends nothing within two seconds
				query := strings.Replace(c.query, "SECONDS", fmt.Sprint(seconds), 1)
				err = conn.Raw(func(raw any) error { return stream(t.Context(), raw, query, nil, sink, func() {}) })
				if query == c.query || sink.rows > 0 {
					break
				}
			}
			require.Error(t, err)
			assert.Equal(t, c.kill != "" || strings.Contains(c.query, slow), sink.rows > 0, "rows came first")
			if c.want != 0 {
				assert.Equal(t, c.want, code(err), err)
			}
			assert.Equal(t, c.lives, conn.PingContext(t.Context()) == nil, "the connection is in step, or closed")
		})
	}
}

func TestConnectionIsClosedAfterAnErrorOfOurs(t *testing.T) {
	conn, err := newFixture(t).open().db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	err = conn.Raw(func(raw any) error {
		return stream(t.Context(), raw, "select seq from seq_1_to_1000000", nil, &counter{fail: 10}, func() {})
	})
	require.ErrorIs(t, err, errKind)
	require.Error(t, conn.PingContext(t.Context()))
}

func TestStreamEndsWithItsContext(t *testing.T) {
	f := newFixture(t)
	conn, err := f.open().db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why, ended := errors.New("the run was cancelled"), make(chan error, 1)
	go func() {
		ended <- conn.Raw(func(raw any) error { return stream(ctx, raw, "select sleep(600)", nil, &counter{}, func() {}) })
	}()
	db := server.Open(t, "")
	f.eventually(func() bool {
		var running int
		require.NoError(t, db.QueryRow("select count(*) from information_schema.processlist where db = ? and info = 'select sleep(600)'", f.database).Scan(&running))
		return running == 1
	})
	cancel(why)
	err = <-ended
	require.ErrorIs(t, err, why)
	require.Error(t, conn.PingContext(t.Context()), "it is closed")
}

// TestRowsOfManyPackets reads values at the edge of what one packet carries, and one of 40 MiB.
func TestRowsOfManyPackets(t *testing.T) {
	big := testserver.MariaDB(t, testserver.WithArgs("--max-allowed-packet=128M", "--innodb-log-file-size=256M"))
	f := &fixture{T: t, database: big.Database(t, "source")}
	f.client = table.Client{ID: "acme", Host: big.Host, Port: big.Port, Database: f.database, User: big.User}
	s, err := Open(f.client, big.Password)
	require.NoError(t, err)
	defer s.Close()
	// A row is its kind (1 byte), NULLs (1), id (4), and the value behind its length (4 bytes, or 9 from 16 MiB on).
	sizes := []int{readBuffer - 15, readBuffer - 14, readBuffer - 13, maxPart - 11, maxPart - 10, maxPart - 9, maxPart, 40 << 20, 7}
	values := make([]string, len(sizes))
	for i, size := range sizes {
		values[i] = fmt.Sprintf("(%d, repeat('%c', %d))", i, 'a'+i, size)
	}
	big.ExecIn(t, f.database, "create table t (id int primary key, v longblob not null)")
	for _, value := range values {
		big.ExecIn(t, f.database, "insert into t values "+value)
	}
	raw, err := s.Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: f.plan(s, table.Spec{Name: "t"}), Dir: t.TempDir()})
	require.NoError(t, err)
	at := 0
	for _, path := range raw.Files {
		f.batches(path, func(batch arrow.RecordBatch) {
			for i := range int(batch.NumRows()) {
				value := batch.Column(1).(interface{ Value(int) []byte }).Value(i)
				assert.Len(t, value, sizes[at])
				assert.Equal(t, sizes[at], bytes.Count(value, []byte{'a' + byte(at)}))
				at++
			}
		})
	}
	assert.Equal(t, len(sizes), at)
}

// TestConnectionCutAtManyOffsets cuts the connection behind every few bytes that a run's server sends: there is an error
// or every row, as when only the answer to the session's last statement is missing.
func TestConnectionCutAtManyOffsets(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v varchar(200))", "insert into t select seq, repeat('x', seq) from seq_1_to_100")
	spec := table.Spec{Name: "t"}
	plan := f.plan(f.open(), spec)
	target := address(f.client)
	var limit, passed atomic.Int64
	addr := cutting(t, target, &limit, &passed)
	f.client.Host, f.client.Port = addr.IP.String(), addr.Port
	extract := func(bytes int64) (table.Raw, string, error) {
		limit.Store(bytes)
		passed.Store(0)
		s, err := Open(f.client, server.Password)
		require.NoError(t, err)
		defer s.Close()
		dir := t.TempDir()
		raw, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: dir})
		return raw, dir, err
	}
	raw, _, err := extract(1 << 40)
	require.NoError(t, err)
	require.EqualValues(t, 100, raw.Rows)
	total := passed.Load()
	for cut := int64(0); cut < total; cut += 1 + (total-cut)/20 { // ever closer to the end, which never comes sooner
		raw, dir, err := extract(cut)
		if err == nil {
			require.EqualValues(t, 100, raw.Rows, "cut after %d of %d bytes", cut, total)
			assert.Less(t, total-cut, int64(50))
			continue
		}
		for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue} {
			assert.NotErrorIs(t, err, permanent)
		}
		assert.Zero(t, raw)
		assert.Empty(t, leftovers(t, dir))
	}
}
