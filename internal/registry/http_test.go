package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/secrets"
)

const hunter = "hunter2-token"

// service runs a handler and returns its URL.
func service(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/clients"
}

func open(t *testing.T, options HTTPOptions) Registry {
	t.Helper()
	options.Wait = time.Millisecond
	if options.Timeout == 0 { // a machine that stalls is no service that is away
		options.Timeout = 5 * time.Minute
	}
	r, err := NewHTTP(options)
	require.NoError(t, err)
	return r
}

func client(id, region string) string {
	return fmt.Sprintf(`{"id": %q, "region": %q, "host": "h", "database": "d", "user": "u", "password": "env:P"}`, id, region)
}

// says answers every request alike.
func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func TestHTTPReadsAllPagesWithItsToken(t *testing.T) {
	t.Setenv("REGISTRY_TEST_TOKEN", hunter)
	var host string
	base := service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+hunter || r.URL.Query().Get("tenant") != "7" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Query().Get("page") {
		case "":
			fmt.Fprintf(w, `{"clients": [%s, %s], "regions": ["eu", "us", "ap"], "next": "?page=2&tenant=7&region=%s"}`, client("c", "us"), client("a", "eu"), r.URL.Query().Get("region"))
		case "2":
			fmt.Fprintf(w, `{"clients": [], "next": "%s/clients?page=3&tenant=7"}`, host)
		default:
			fmt.Fprintf(w, `{"clients": [%s]}`, client("b", "eu"))
		}
	})
	host = strings.TrimSuffix(base, "/clients")
	r := open(t, HTTPOptions{URL: base + "?tenant=7", Token: "env:REGISTRY_TEST_TOKEN"})
	for region, want := range map[string][]string{"": {"a", "b", "c"}, "eu": {"a", "b"}, "us": {"c"}, "ap": {}} {
		got, err := r.Clients(t.Context(), region)
		require.NoError(t, err, region)
		require.Equal(t, want, ids(got), "a service that ignores the region is filtered: %s", region)
	}
	_, err := r.Clients(t.Context(), "mars")
	require.ErrorIs(t, err, ErrUnknownRegion)
	page, next, err := r.List(t.Context(), "", "a", 1)
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, ids(page))
	require.Equal(t, "b", next)
}

func TestHTTPAsksForTheRegion(t *testing.T) {
	r := open(t, HTTPOptions{URL: service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("region") == "eu & co" {
			fmt.Fprintf(w, `{"clients": [%s]}`, client("a", "eu & co"))
			return
		}
		fmt.Fprint(w, `{"clients": []}`)
	})})
	got, err := r.Clients(t.Context(), "eu & co")
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, ids(got))
	got, err = r.Clients(t.Context(), "us")
	require.NoError(t, err, "a service that lists no regions may have empty ones")
	require.Empty(t, got)
}

func TestHTTPRetriesWhileTheServiceIsDown(t *testing.T) {
	var calls atomic.Int32
	r := open(t, HTTPOptions{Retries: 2, URL: service(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) <= 2 {
			w.Header().Set("Retry-After", "3600") // nobody waits that long
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"clients": [%s]}`, client("a", "eu"))
	})})
	got, err := r.Clients(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, ids(got))
	require.EqualValues(t, 3, calls.Load())
}

func TestHTTPGetAsksOnceForMany(t *testing.T) {
	var calls atomic.Int32
	r := open(t, HTTPOptions{URL: service(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		fmt.Fprintf(w, `{"clients": [%s]}`, client("a", "eu"))
	})})
	done := make(chan error)
	for range 20 {
		go func() {
			_, err := r.Get(context.Background(), "a")
			done <- err
		}()
	}
	for range 20 {
		require.NoError(t, <-done)
	}
	require.EqualValues(t, 1, calls.Load())
	_, err := r.Clients(t.Context(), "")
	require.NoError(t, err)
	require.EqualValues(t, 2, calls.Load(), "Clients always asks")
}

func TestHTTPErrUnavailable(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs)
	for name, url := range map[string]string{
		"nobody listens": "http://127.0.0.1:1/clients?key=hunter2", // nor begins to, as on a port that was free a moment ago
		"status 500":     service(t, says(500, "text/html", "<html>Internal error</html>")) + "?key=hunter2",
		"status 429":     service(t, says(429, "", "")),
		"too slow":       service(t, func(_ http.ResponseWriter, r *http.Request) { <-hangs }),
		"breaks off": service(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"clients": [`)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, HTTPOptions{URL: url, Retries: 1, Timeout: 200 * time.Millisecond}).Clients(t.Context(), "")
			require.ErrorIs(t, err, ErrUnavailable)
			require.NotErrorIs(t, err, ErrInvalid)
			require.NotContains(t, err.Error(), "hunter2", "the query may have a secret")
		})
	}
}

func TestHTTPErrInvalidSaysWhatItGot(t *testing.T) {
	t.Setenv("REGISTRY_TEST_TOKEN", hunter)
	long := "<html>" + strings.Repeat("ä", 100)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"HTML":              {says(200, "text/html; charset=utf-8", "<html>Log in</html>"), `200 OK, text/html, beginning "<html>Log in</html>"`},
		"long text":         {says(200, "text/plain", long), `beginning "<html>` + strings.Repeat("ä", 37) + `…"`},
		"nothing":           {says(200, "application/json", ""), "200 OK, application/json, without content"},
		"no content":        {says(204, "", ""), "204 No Content, without content"},
		"not found":         {says(404, "text/plain", "404 page not found"), `404 Not Found, text/plain, beginning "404 page not found"; correct clients.url`},
		"denied":            {says(401, "", ""), "check clients.token"},
		"echoes the token":  {says(403, "text/plain", "you sent "+hunter), "403 Forbidden, text/plain; check"},
		"no clients":        {says(200, "application/json", "{}"), "clients: is missing"},
		"broken JSON":       {says(200, "application/json", `{"clients": [{"password": "hunter2`), "200 OK, application/json; correct"},
		"broken, as text":   {says(200, "text/plain", `{"clients": [{"password": "hunter2`), "200 OK, text/plain; correct"},
		"talks of a secret": {says(200, "text/plain", `password=hunter2`), "200 OK, text/plain; correct"},
		"binary":            {says(200, "text/plain", "\xff\xfe"), "200 OK, text/plain; correct"},
		"other JSON":        {says(200, "application/json", `{"client": [], "error": "hunter2"}`), "client: unknown key; did you mean clients?"},
		"a list":            {says(200, "application/json", `[]`), "is a list; write keys and values"},
		"plain password":    {says(200, "", `{"clients": [{"id": "a", "region": "eu", "host": "h", "database": "d", "user": "u", "password": "hunter2"}]}`), "clients[0].password: is not a usable secret reference"},
		"too large":         {says(200, "", strings.Repeat(" ", maxBody+1)), "larger than"},
		"duplicate":         {pages(`{"clients": [`+client("a", "eu")+`], "next": "?page=2"}`, `{"clients": [`+client("A", "eu")+`]}`), `(page 2):1: clients[0].id: the client "A" is in the registry already`},
		"next elsewhere":    {says(200, "", `{"clients": [], "next": "https://elsewhere.example/"}`), "leaves the service's scheme and host"},
		"next in the clear": {says(200, "", `{"clients": [], "next": "ftp:///"}`), "leaves the service's scheme and host"},
		"next is itself":    {says(200, "", `{"clients": [], "next": "#more"}`), "leads back to an earlier page"},
		"next in circles":   {pages(`{"clients": [], "next": "?page=2"}`, `{"clients": [], "next": "?"}`), "leads back to an earlier page"},
		"redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusFound)
		}, "redirects to another host"},
		"redirect in circles": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "in circles"},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, HTTPOptions{URL: service(t, c.handler), Token: "env:REGISTRY_TEST_TOKEN", Retries: 1})
			_, err := r.Clients(t.Context(), "")
			require.ErrorIs(t, err, ErrInvalid)
			require.NotErrorIs(t, err, ErrUnavailable)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// pages answers the first request and the ones for page 2.
func pages(first, second string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "2" {
			fmt.Fprint(w, second)
			return
		}
		fmt.Fprint(w, first)
	}
}

func TestHTTPErrToken(t *testing.T) {
	t.Setenv("REGISTRY_TEST_TOKEN", "hunter2\n")
	base := service(t, says(200, "", `{"clients": []}`))
	_, err := open(t, HTTPOptions{URL: base, Token: "env:REGISTRY_TEST_UNSET"}).Clients(t.Context(), "")
	require.ErrorIs(t, err, secrets.ErrNotFound)
	_, err = open(t, HTTPOptions{URL: base, Token: "env:REGISTRY_TEST_TOKEN"}).Clients(t.Context(), "")
	require.ErrorIs(t, err, ErrInvalid)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestHTTPEndsWithItsContext(t *testing.T) {
	hangs := make(chan struct{})
	defer close(hangs)
	ctx, cancel := context.WithCancel(t.Context())
	r := open(t, HTTPOptions{Retries: 5, URL: service(t, func(http.ResponseWriter, *http.Request) { cancel(); <-hangs })})
	_, err := r.Clients(ctx, "")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrUnavailable)
	_, err = r.Get(ctx, "a")
	require.ErrorIs(t, err, context.Canceled)
}

func TestNewHTTPErrURL(t *testing.T) {
	for _, bad := range []string{"", "clients.yaml", "ftp://host/", "https://", "https://user:hunter2@host/", "http://host:hunter2/"} {
		_, err := NewHTTP(HTTPOptions{URL: bad})
		require.ErrorIs(t, err, ErrInvalid, bad)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestSameHostIsNoOtherPort(t *testing.T) {
	a, _ := url.Parse("https://h:1/x")
	b, _ := url.Parse("https://h:2/x")
	require.False(t, sameHost(a, b))
}
