// Package sparksql is the lake behind a SQL endpoint that speaks Spark SQL over Delta tables: a Databricks SQL
// warehouse, or an open-source Spark Thrift server. Both go through the Databricks driver and get the same
// statements but for what a dialect says.
package sparksql

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	dbsql "github.com/databricks/databricks-sql-go"
	dblog "github.com/databricks/databricks-sql-go/logger"

	"tributary/internal/lake"
	"tributary/internal/version"
)

// maxConnections bounds the sessions that one process has open.
const maxConnections = 16

// Lake is a catalog of Delta tables behind a SQL endpoint. It implements lake.Lake, lake.Executor and lake.Checker; several processes
// may use the same tables at once.
type Lake struct {
	db      *sql.DB
	dialect dialect
	staging staging
	timeout time.Duration // of one statement
	where   string        // names the endpoint in errors

	mu     sync.Mutex
	tables map[string]*knownTable // by quoted name
}

var (
	_ lake.Lake     = (*Lake)(nil)
	_ lake.Executor = (*Lake)(nil)
	_ lake.Widener  = (*Lake)(nil)
	_ lake.Checker  = (*Lake)(nil)
)

// SparkOptions say where a Spark Thrift server is.
type SparkOptions struct {
	URL            string // http://host:port/path, of the Thrift server in HTTP mode
	User, Password string
	Staging        string        // a folder that the server and this process see under one path; made when it is missing
	Timeout        time.Duration // of one statement; 0 means none
}

// OpenSpark opens the lake of a Spark Thrift server. It does not connect yet.
func OpenSpark(options SparkOptions) (*Lake, error) {
	u, err := url.Parse(options.URL)
	if err != nil {
		return nil, fmt.Errorf("spark lake: %w", err)
	}
	folder, err := openFolder(options.Staging)
	if err != nil {
		return nil, err
	}
	user, password := cmp.Or(options.User, "tributary"), cmp.Or(options.Password, "none") // Spark refuses an empty one, and by default checks neither
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = maxConnections
	connector, err := connect(u, u.Path, sparkDialect, dbsql.WithTransport(&sparkTransport{base: base, user: user, password: password}))
	if err != nil {
		return nil, fmt.Errorf("spark lake: %w", err)
	}
	pollEvery(connector, sparkPoll)
	return newLake(connector, sparkDialect, folder, options.Timeout, "spark at "+u.Host), nil
}

func newLake(connector driver.Connector, d dialect, s staging, timeout time.Duration, where string) *Lake {
	db := sql.OpenDB(sessionConnector{connector, d, new(atomic.Bool)})
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(5 * time.Minute) // a warehouse closes idle sessions sooner or later
	return &Lake{db: db, dialect: d, staging: s, timeout: timeout, where: where, tables: map[string]*knownTable{}}
}

// Close ends the lake's sessions. Running calls fail. A server that is away, or that was restarted, is no error.
func (l *Lake) Close() error { return l.db.Close() }

// quietDriver changes what the whole process logs.
var quietDriver = sync.OnceFunc(func() {
	dblog.SetLogOutput(io.Discard) // it logs statements that fail, which the errors say already
	log.SetOutput(withoutOne{log.Writer()})
})

// withoutOne is the standard logger's output without what net/http has to say of the driver at every refused request: that it returns an error
// beside the answer.
type withoutOne struct{ io.Writer }

// Write implements io.Writer.
func (w withoutOne) Write(line []byte) (int, error) {
	if bytes.HasSuffix(line, []byte("RoundTripper returned a response & error; ignoring response\n")) {
		return len(line), nil
	}
	return w.Writer.Write(line)
}

// connect makes the driver's connector. Sessions are in UTC, whatever the server's zone.
func connect(u *url.URL, path string, d dialect, options ...dbsql.ConnOption) (driver.Connector, error) {
	quietDriver()
	params := map[string]string{"timezone": "UTC", "enableTelemetry": "false", "ansi_mode": "true"}
	for name, value := range d.settings {
		params["set:hiveconf:"+name] = value // as Hive's Thrift server takes them
	}
	port, err := portOf(u)
	if err != nil {
		return nil, err
	}
	return dbsql.NewConnector(append([]dbsql.ConnOption{
		dbsql.WithServerHostname(u.Scheme + "://" + u.Hostname()), dbsql.WithPort(port), dbsql.WithHTTPPath(path),
		dbsql.WithUserAgentEntry("tributary/" + version.Version), dbsql.WithMaxRows(pageRows),
		dbsql.WithCloudFetch(false), // large results would come from hosts that a worker's network need not reach
		dbsql.WithSessionParams(params),
	}, options...)...)
}

func portOf(u *url.URL) (int, error) {
	if _, text, err := net.SplitHostPort(u.Host); err == nil {
		return strconv.Atoi(text)
	}
	switch u.Scheme {
	case "https":
		return 443, nil
	case "http":
		return 80, nil
	}
	return 0, fmt.Errorf("%s is not an http or https address", u.Redacted())
}

// pageRows is how many rows of a result are asked for at a time.
const pageRows = 20_000

// sparkPoll is how often a running statement is asked for. Spark gives no direct results, so a statement costs at least that.
const sparkPoll = 20 * time.Millisecond

// pollEvery sets how often the driver asks whether a statement has ended: else a second.
func pollEvery(connector driver.Connector, interval time.Duration) {
	if setting := pollInterval(connector); setting != nil {
		*setting = interval
	}
}

// pollInterval is the driver's own setting, unexported, for which v1.14.0 has no option; nil where another version has
// no such field.
func pollInterval(connector driver.Connector) *time.Duration {
	v := reflect.Indirect(reflect.ValueOf(connector))
	if v.Kind() != reflect.Struct {
		return nil
	}
	config := v.FieldByName("cfg")
	if config.Kind() != reflect.Pointer || config.IsNil() {
		return nil
	}
	field := reflect.Indirect(config).FieldByName("PollInterval")
	if !field.IsValid() || field.Type() != reflect.TypeFor[time.Duration]() {
		return nil
	}
	return (*time.Duration)(unsafe.Pointer(field.UnsafeAddr()))
}

// statementContext bounds one statement; when it ends, the driver cancels the statement at the server.
func (l *Lake) statementContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, l.timeout, fmt.Errorf("%w of %s", errTimeout, l.timeout))
}
