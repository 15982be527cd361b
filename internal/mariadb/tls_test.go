package mariadb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// authority signs certificates.
type authority struct {
	*testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	path        string // its certificate
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{T: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate, a.key = template, newKey(t)
	a.path = a.sign("ca", template, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// sign writes a certificate for a key to a file.
func (a *authority) sign(name string, template *x509.Certificate, key *ecdsa.PrivateKey) string {
	a.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(a, err)
	return a.write(name, "CERTIFICATE", der)
}

func (a *authority) write(name, kind string, der []byte) string {
	a.Helper()
	path := filepath.Join(a.TempDir(), name+".pem")
	require.NoError(a, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return path
}

// server starts a MariaDB with a certificate for an address.
func (a *authority) server(address string, until time.Time) *testserver.Server {
	a.Helper()
	key := newKey(a.T)
	certificate := a.sign("server", &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "MariaDB"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.ParseIP(address)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a, err)
	return testserver.MariaDB(a.T, testserver.WithArgs("--ssl-ca="+a.path, "--ssl-cert="+certificate, "--ssl-key="+a.write("key", "PRIVATE KEY", der)))
}

func clientOf(s *testserver.Server, database, tls, ca string) table.Client {
	return table.Client{ID: "acme", Region: "eu", Host: s.Host, Port: s.Port, Database: database, User: s.User, TLS: tls, CA: ca}
}

func TestTLS(t *testing.T) {
	ours := newAuthority(t, "ours")
	secure := ours.server("127.0.0.1", time.Now().Add(time.Hour))
	database := secure.Database(t, "source")
	secure.ExecIn(t, database, "create table t (id int primary key, v varchar(200) not null)", "insert into t select seq, repeat('ä', 100) from seq_1_to_20000", "analyze table t")
	open := func(client table.Client) *Source {
		s, err := Open(client, secure.Password)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return s
	}
	for _, tls := range []string{"verify", "required", "preferred"} {
		t.Run("OK "+tls, func(t *testing.T) {
			s := open(clientOf(secure, database, tls, ours.path))
			s.chunking = chunking{rows: 5000, bytes: 1 << 40, most: 512}
			var variable, cipher string
			require.NoError(t, s.db.QueryRow("show status like 'ssl_cipher'").Scan(&variable, &cipher))
			require.NotEmpty(t, cipher)
			f := &fixture{T: t, database: database, client: s.client}
			raw, chunks := f.extract(s, table.Spec{Name: "t"}, t.TempDir())
			require.Greater(t, chunks, 2)
			require.Len(t, f.rows(raw), 20000)
		})
	}
	refused := func(client table.Client, says ...string) func(*testing.T) {
		return func(t *testing.T) {
			_, err := open(client).Extract(t.Context(), ExtractRequest{
				Spec: table.Spec{Name: "t"}, Dir: t.TempDir(), Plan: table.Plan{Columns: []table.SourceColumn{{Source: "id", Name: "id"}}},
			})
			require.ErrorIs(t, err, ErrTLS)
			for _, text := range append(says, `client "acme"`, `table "t"`) {
				assert.ErrorContains(t, err, text)
			}
			_, err = open(client).Plan(t.Context(), []table.Spec{{Name: "t"}})
			require.ErrorIs(t, err, ErrTLS)
		}
	}
	t.Run("Err another ca", refused(clientOf(secure, database, "verify", newAuthority(t, "theirs").path), "unknown authority", "set the client's ca"))
	t.Run("Err a ca that is not the system's", refused(clientOf(secure, database, "verify", ""), "unknown authority", "set the client's ca"))
	byName := clientOf(secure, database, "verify", ours.path)
	byName.Host = "localhost"
	t.Run("Err another host", refused(byName, "localhost", "set the client's host"))
	t.Run("Err a server without", refused(clientOf(server, "mysql", "verify", ours.path), "server does not support TLS", "set TLS up at the server"))
	t.Run("Err a user that needs it", func(t *testing.T) {
		secure.Exec(t, "create user secured identified by '"+secure.Password+"' require ssl", "grant select on *.* to secured")
		client := clientOf(secure, database, "off", "")
		client.User = "secured"
		_, err := open(client).Ping(t.Context())
		require.ErrorIs(t, err, ErrDenied)
		require.ErrorContains(t, err, "client's tls")
		client.TLS = "required"
		_, err = open(client).Ping(t.Context())
		require.NoError(t, err)
	})
	expired := ours.server("127.0.0.1", time.Now().Add(-time.Minute))
	t.Run("Err expired", refused(clientOf(expired, "mysql", "verify", ours.path), "expired", "in force"))
}
