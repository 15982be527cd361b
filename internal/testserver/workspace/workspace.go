package workspace

import (
	"cmp"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the workspace has where Options are silent.
const (
	DefaultVolume    = "main.central.staging"
	DefaultWarehouse = "0123456789abcdef"
)

// Options of a workspace; the zero value has one volume, one running warehouse and no SQL.
type Options struct {
	// SparkURL is the Thrift endpoint that the warehouses' SQL endpoint passes on to: http://host:port/cliservice.
	SparkURL string
	// Dir is the folder of the volumes: Dir/Volumes/catalog/schema/volume. Spark has to see it. Default: a temporary one.
	Dir string
	// Volumes exist, each as catalog.schema.volume, and with them their catalogs and schemas. Default: DefaultVolume.
	Volumes []string
	// TokenLife is how long the holder of an OAuth token is told that it is valid. Default: an hour, as at Databricks.
	TokenLife time.Duration
	// PageSize is how many entries a list of a folder has at most. Default: 1000.
	PageSize int
	// MaxFile is the size of the largest file, in bytes. Default: 5000 MiB, as at Databricks.
	MaxFile int64
	// StartRequests is how many requests a warehouse that starts answers before it runs. Default: 2.
	StartRequests int
}

// Workspace is a running workspace. Its methods are safe for concurrent use.
type Workspace struct {
	URL          string // http://127.0.0.1:port
	Dir          string
	Token        string // a personal access token
	ClientID     string // of a service principal
	ClientSecret string

	options Options
	spark   *http.Client

	mu         sync.Mutex
	secret     string               // the valid one of the service principal
	tokens     map[string]time.Time // valid tokens, until when; never expires when zero
	denied     map[string]bool
	faults     []*Fault
	requests   []Request
	statements []string
	scopes     map[string]map[string]string
	jobs       map[int64]Job
	runs       []*run
	warehouses map[string]*warehouse
}

// Start starts a workspace that ends with the test.
func Start(tb testing.TB, o Options) *Workspace {
	tb.Helper()
	if o.Dir == "" {
		o.Dir = tb.TempDir()
	}
	w, err := newWorkspace(o)
	if err != nil {
		tb.Fatalf("start a workspace: %v", err)
	}
	server := httptest.NewServer(w)
	tb.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	w.URL = server.URL
	return w
}

func newWorkspace(o Options) (*Workspace, error) {
	if len(o.Volumes) == 0 {
		o.Volumes = []string{DefaultVolume}
	}
	o.TokenLife = cmp.Or(o.TokenLife, time.Hour)
	o.PageSize = cmp.Or(o.PageSize, 1000)
	o.MaxFile = cmp.Or(o.MaxFile, 5000<<20)
	o.StartRequests = cmp.Or(o.StartRequests, 2)
	for _, volume := range o.Volumes {
		if err := os.MkdirAll(filepath.Join(o.Dir, "Volumes", filepath.Join(strings.Split(volume, ".")...)), 0o755); err != nil {
			return nil, err
		}
	}
	w := &Workspace{
		Dir: o.Dir, Token: "dapi" + randomHex(16), ClientID: "00000000-0000-4000-8000-000000000001", ClientSecret: "dose" + randomHex(16),
		options: o, spark: &http.Client{},
		tokens: map[string]time.Time{}, denied: map[string]bool{}, scopes: map[string]map[string]string{}, jobs: map[int64]Job{},
		warehouses: map[string]*warehouse{},
	}
	w.secret = w.ClientSecret
	w.tokens[w.Token] = time.Time{}
	w.AddWarehouse(DefaultWarehouse, "Tributary")
	return w, nil
}

// HostPort returns where the workspace listens, as databricks-sql-go takes it: "http://127.0.0.1" and the port.
func (w *Workspace) HostPort() (host string, port int) {
	u, err := url.Parse(w.URL)
	if err != nil {
		panic(err) // httptest's own
	}
	name, number, err := net.SplitHostPort(u.Host)
	if err != nil {
		panic(err)
	}
	port, err = strconv.Atoi(number)
	if err != nil {
		panic(err)
	}
	return "http://" + name, port
}

// Deny takes a grant away until Allow gives it back. Grants are written as "WRITE VOLUME main.central.staging", "READ
// VOLUME …", "USE CATALOG main", "USE SCHEMA main.central", "READ scope", "CAN MANAGE RUN 7" and "CAN USE warehouse".
func (w *Workspace) Deny(grant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.denied[grant] = true
}

// Allow gives back what Deny took.
func (w *Workspace) Allow(grant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.denied, grant)
}

func (w *Workspace) isDenied(grant string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.denied[grant]
}
