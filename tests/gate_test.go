package tests

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is a proxy in front of a server, that sees every request first.
type gate struct {
	URL string // the server's, through the gate

	proxy *httputil.ReverseProxy

	mu      sync.Mutex
	seen    []request
	trap    *trap
	trapped chan struct{} // closed when the trap has closed
}

// request is a request as it came. SQL stands in the body as it was written.
type request struct{ method, path, body string }

// trap is what happens once, to the first request that matches.
type trap struct {
	matches func(request) bool
	passes  bool   // the request is carried out first
	then    func() // before the answer, which never comes
}

func newGate(t *testing.T, server string) *gate {
	t.Helper()
	u, err := url.Parse(server)
	require.NoError(t, err)
	g := &gate{proxy: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: u.Scheme, Host: u.Host})}
	g.proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // a client that was killed, or a server
	proxied := httptest.NewServer(g)
	t.Cleanup(func() { proxied.CloseClientConnections(); proxied.Close() })
	g.URL = proxied.URL + u.Path
	return g
}

// ServeHTTP passes a request on, unless it goes into the trap.
func (g *gate) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	trap, closed := g.see(request{r.Method, r.URL.Path, string(body)})
	if trap == nil {
		g.proxy.ServeHTTP(answer, r)
		return
	}
	if trap.passes {
		g.proxy.ServeHTTP(httptest.NewRecorder(), r)
	}
	trap.then()
	close(closed)
	panic(http.ErrAbortHandler)
}

func (g *gate) see(r request) (*trap, chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, r)
	if g.trap == nil || !g.trap.matches(r) {
		return nil, nil
	}
	caught := g.trap
	g.trap = nil
	return caught, g.trapped
}

// set sets a trap, and returns what is closed once it has caught a request.
func (g *gate) set(next trap) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trap, g.trapped = &next, make(chan struct{})
	return g.trapped
}

// count is how many requests so far have that in their body.
func (g *gate) count(text string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, r := range g.seen {
		if strings.Contains(r.body, text) {
			n++
		}
	}
	return n
}
