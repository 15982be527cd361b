package mariadb

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/time/rate"

	"tributary/internal/table"
)

const (
	defaultPort        = 3306
	defaultConnections = 4
	dialTimeout        = 10 * time.Second
	connectTimeout     = 30 * time.Second // with the login and the session's settings
)

// Source reads the tables of one client. It is safe for concurrent use.
type Source struct {
	client    table.Client
	connector connector
	db        *sql.DB
	limits    table.Limits
	rate      *rate.Limiter // nil: no bound
	chunking  chunking
	settle    time.Duration // see settleTime
	now       func() time.Time
}

// Server is what a client's server says of itself.
type Server struct {
	Version  string    `json:"version"`
	Clock    time.Time `json:"clock"`     // the server's own clock, UTC
	TimeZone string    `json:"time_zone"` // the server's own zone; sessions of ours use UTC
}

// Open prepares a bounded pool of connections to a client's server; nothing is dialled yet. The password
// is the secret itself, already resolved: it appears in no log and no error.
func Open(client table.Client, password string) (*Source, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = client.User, password, client.Database
	config.Net, config.Addr = "tcp", address(client)
	config.Timeout = dialTimeout
	config.Logger = &mysql.NopLogger{} // its errors are returned too
	if err := config.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, clientError(client, err)
	}
	if err := secure(config, client); err != nil {
		return nil, clientError(client, err)
	}
	inner, err := mysql.NewConnector(config)
	if err != nil {
		return nil, clientError(client, err)
	}
	limits := client.Bounds(table.Limits{Connections: defaultConnections})
	s := &Source{
		client: client, connector: connector{inner, limits.MaxStatementTime, connectTimeout}, limits: limits, rate: newPace(limits),
		chunking: defaultChunking, settle: settleTime, now: time.Now,
	}
	s.db = sql.OpenDB(s.connector)
	limit := limits.Connections
	s.db.SetMaxOpenConns(limit)
	s.db.SetMaxIdleConns(limit)
	s.db.SetConnMaxIdleTime(5 * time.Second) // the tables of a client follow one another; many clients may share a server
	return s, nil
}

func address(client table.Client) string {
	port := client.Port
	if port == 0 {
		port = defaultPort
	}
	return net.JoinHostPort(client.Host, strconv.Itoa(port))
}

// secure sets how the connection is encrypted; see table.Client.TLS.
func secure(config *mysql.Config, client table.Client) error {
	switch client.TLS {
	case "", "off":
	case "preferred":
		config.TLSConfig = "preferred"
	case "required":
		config.TLSConfig = "skip-verify"
	case "verify":
		config.TLS = &tls.Config{ServerName: client.Host, MinVersion: tls.VersionTLS12}
		if client.CA == "" {
			return nil
		}
		pem, err := os.ReadFile(client.CA)
		if err != nil {
			return fmt.Errorf("read the client's ca, a file at every worker of its region: %w", err)
		}
		config.TLS.RootCAs = x509.NewCertPool()
		if !config.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%w: ca %q holds no PEM certificate", ErrUnsupported, client.CA)
		}
	default:
		return fmt.Errorf("%w: tls %q; use off, preferred, required or verify", ErrUnsupported, client.TLS)
	}
	return nil
}

// Close closes the pool; extractions that still run fail.
func (s *Source) Close() error { return clientError(s.client, s.db.Close()) }

// Ping connects and returns what the server says of itself.
func (s *Source) Ping(ctx context.Context) (Server, error) {
	var server Server
	var clock, global, system string
	err := s.db.QueryRowContext(ctx,
		"SELECT VERSION(), CAST(UTC_TIMESTAMP(6) AS CHAR), @@global.time_zone, @@system_time_zone").
		Scan(&server.Version, &clock, &global, &system)
	if err != nil {
		return Server{}, clientError(s.client, classify(err))
	}
	server.TimeZone = global
	if strings.EqualFold(global, "SYSTEM") {
		server.TimeZone = system
	}
	server.Clock, err = time.ParseInLocation(time.DateTime, clock, time.UTC) // takes a fraction of any length
	return server, clientError(s.client, err)
}
