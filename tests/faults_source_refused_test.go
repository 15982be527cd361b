package tests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

// The subquery locks rows of another table, one after the other, as a function in a where may.
const refusedSync = `
target: {{.Target}}
retry: {attempts: 40, initial: 200ms, max: 500ms}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
parallel: {clients: 5, tables_per_client: 2}
tables:
  - name: waits
    cursor: updated_at
    where: "(select count(*) from gate where id <= 2 lock in share mode) = 2"
  - {name: long_one, cursor: updated_at}
`

const refusedTables = `
create table gate (id int primary key, v int not null); insert into gate values (1, 0), (2, 0);
create table waits (id int primary key, v varchar(9) not null, updated_at timestamp(6) not null default current_timestamp(6));
insert into waits (id, v) select seq, concat('v', seq) from seq_1_to_50;
create table long_one (id int primary key, v varchar(20) not null, updated_at timestamp(6) not null default current_timestamp(6));
insert into long_one (id, v) select seq, concat('v', seq) from seq_1_to_ROWS; analyze table long_one`

// refusedClients are how each client is reached.
const refusedClients = `clients:
  - {id: acme, region: eu, host: 127.0.0.1, port: PORT, database: acme, user: tributary, password: "file:DIR/eu.secret", tls: verify, ca: OURS}
  - {id: brio, region: eu, host: 127.0.0.1, port: HELD, database: brio, user: granted, password: "file:DIR/eu.secret", tls: required,
     limits: {max_statement_time: 2s, table_connections: 1}}
  - {id: cato, region: eu, host: 127.0.0.1, port: PORT, database: cato, user: tributary, password: "file:DIR/eu.secret", tls: verify, ca: THEIRS}
  - {id: dune, region: eu, host: 127.0.0.1, port: PLAIN, database: dune, user: tributary, password: "file:DIR/eu.secret", tls: required}
  - {id: edda, region: eu, host: 127.0.0.1, port: PORT, database: edda, user: certified, password: "file:DIR/eu.secret", tls: verify, ca: OURS}
`

// TestSourcesThatRefuseOrLock has one sync meet a deadlock, a lock that somebody keeps, a grant that is revoked between two chunks, and
// servers that are not as secure as their clients' tls, or want more. Locks are waited for and lose nothing; all else fails its tables
// at once, says why, and is made good by the next run once it is mended.
func TestSourcesThatRefuseOrLock(t *testing.T) {
	t.Parallel()
	s, long := newRefusedStack(t)
	acme, brio := s.clients[0], s.clients[1]
	admin := acme.server.Open(t, acme.Database)
	writer, err := admin.Conn(t.Context())
	require.NoError(t, err)
	defer writer.Close()
	exec := func(sql string) {
		t.Helper()
		_, err := writer.ExecContext(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	exec("start transaction")
	exec("insert into gate select seq, 0 from seq_3_to_200") // more than a reader has done: the reader is chosen to end
	exec("update gate set v = 1 where id = 2")

	log, stop := s.work(t)
	run := s.start(t)
	long.Await(t, 1)
	s.requireInTheMiddle(t, 1)
	brio.server.ExecIn(t, brio.Database, "revoke select on long_one from granted")
	long.Open("")
	require.Eventually(t, func() bool { // not INNODB_TRX: InnoDB renews that list only once nobody has read it for 100 ms
		var name string
		var waiting int
		err := admin.QueryRow("show global status like 'Innodb_row_lock_current_waits'").Scan(&name, &waiting)
		return err == nil && waiting == 1
	}, 2*time.Minute, 20*time.Millisecond, "the run waits for row 2, and has row 1")
	exec("update gate set v = 1 where id = 1")
	awaitText(t, log, "Deadlock found when trying to get lock")
	acme.server.Exec(t, "set global innodb_lock_wait_timeout = 1")
	acme.endSessions(t, writer)
	awaitText(t, log, "somebody keeps the table locked")
	exec("commit")

	require.ErrorContains(t, s.wait(t, run), "sync daily: 7 of 10 client tables failed")
	l := s.lake(t)
	s.requireFailure(t, l, "brio", "long_one", 1, "access denied by the source", "SELECT command denied", "its SELECT grant")
	for _, name := range []string{"waits", "long_one"} {
		s.requireFailure(t, l, "cato", name, 1, "no secure connection to the source", "unknown authority", "set the client's ca")
		s.requireFailure(t, l, "dune", name, 1, "no secure connection to the source", "server does not support TLS", "set TLS up at the server")
		s.requireFailure(t, l, "edda", name, 1, "access denied by the source", "the client's tls")
	}
	s.requireRefused(t, "acme/waits", "acme/long_one", "brio/waits")
	s.requireNothingLeft(t)
	stop()

	s.mendRefused(t)
	s.work(t)
	s.sync(t)
	var all []string
	for _, c := range s.clients {
		all = append(all, c.ID+"/waits", c.ID+"/long_one")
	}
	s.requireRefused(t, all...)
}

// endSessions ends all sessions on a client's database but one, so that those of its runs have the server's variables as they are now.
func (c tenant) endSessions(t *testing.T, but *sql.Conn) {
	t.Helper()
	var id string
	require.NoError(t, but.QueryRowContext(t.Context(), "select connection_id()").Scan(&id))
	const noSuchThread = 1094 // it has ended meanwhile
	for _, other := range c.rows(t, "select id from information_schema.processlist where db = database() and id not in (connection_id(), "+id+")") {
		var refused *mysql.MySQLError
		if _, err := but.ExecContext(t.Context(), "kill "+other); err != nil && (!errors.As(err, &refused) || refused.Number != noSuchThread) {
			require.NoError(t, err)
		}
	}
}

// newRefusedStack returns the valve through which brio is read too.
func newRefusedStack(t *testing.T) (s *stack, brio *valve) {
	t.Helper()
	s = &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: localLake(t)}
	cert, key := s.certificate(t, "ours")
	s.certificate(t, "theirs")
	secure := testserver.MariaDB(t, testserver.WithArgs("--ssl-cert="+cert, "--ssl-key="+key, "--innodb-lock-wait-timeout=60"))
	plain := testserver.MariaDB(t, testserver.Private())
	for _, id := range []string{"acme", "brio", "cato", "dune", "edda"} {
		c := tenant{ID: id, Region: "eu", Database: id, server: secure}
		if id == "dune" {
			c.server = plain
		}
		c.server.Exec(t, "create database "+id)
		c.server.ExecIn(t, id, strings.ReplaceAll(refusedTables, "ROWS", map[bool]string{true: "80000", false: "50"}[id == "brio"]))
		s.clients = append(s.clients, c)
	}
	secure.Exec(t, fmt.Sprintf("create user granted identified by '%[1]s'; create user certified identified by '%[1]s' require x509; grant select on edda.* to certified", secure.Password))
	secure.ExecIn(t, "brio", "grant select on gate to granted; grant select on waits to granted; grant select on long_one to granted")
	s.configure(t, refusedSync)
	brio = newValve(t, secure, 900<<10)
	s.reach(t, strings.Replace(refusedClients, "HELD", fmt.Sprint(brio.Port), 1))
	return s, brio
}

// reach writes how the clients are reached.
func (s *stack) reach(t *testing.T, clients string) {
	t.Helper()
	text := strings.NewReplacer("PORT", fmt.Sprint(s.clients[0].server.Port), "PLAIN", fmt.Sprint(s.clients[3].server.Port), "DIR", s.dir,
		"OURS", filepath.Join(s.dir, "ours.pem"), "THEIRS", filepath.Join(s.dir, "theirs.pem")).Replace(clients)
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "clients.yaml"), []byte(text), 0o600))
}

// mendRefused does what the errors say.
func (s *stack) mendRefused(t *testing.T) {
	t.Helper()
	s.clients[1].server.ExecIn(t, "brio", "grant select on long_one to granted; alter user certified require ssl")
	s.reach(t, strings.NewReplacer("THEIRS", "OURS", "database: dune, user: tributary, password: \"file:DIR/eu.secret\", tls: required",
		"database: dune, user: tributary, password: \"file:DIR/eu.secret\", tls: preferred", "HELD", "PORT").Replace(refusedClients))
}

// requireRefused requires that the lake has the rows of those client tables, and of no others.
func (s *stack) requireRefused(t *testing.T, want ...string) {
	t.Helper()
	l := s.lake(t)
	for _, name := range []string{"waits", "long_one"} {
		for _, c := range s.clients {
			var rows []string
			for _, client := range want {
				if client == c.ID+"/"+name {
					rows = c.rows(t, "select id, v from "+name+" order by id")
				}
			}
			require.Equal(t, rows, s.query(t, l, fmt.Sprintf("select id, v from %s where client_id = '%s' order by id", name, c.ID)), "%s of %s", name, c.ID)
		}
	}
}

// certificate writes a self-signed certificate for 127.0.0.1, and its key.
func (s *stack) certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert, key = filepath.Join(s.dir, name+".pem"), filepath.Join(s.dir, name+".key")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	return cert, key
}

// awaitText waits until a file has a text.
func awaitText(t *testing.T, path, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(content), text)
	}, 2*time.Minute, 20*time.Millisecond, "%q in %s", text, path)
}
