package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/testserver"
)

// spark is a Spark server of the benchmark alone, and a proxy in front of it that counts
// statements.
type spark struct {
	server *testserver.SparkServer
	proxy  *httptest.Server
	lake   *sparksql.Lake // without group commit

	mu         sync.Mutex
	statements []*execution
}

// execution is a statement that the server executed.
type execution struct {
	statement string
	began     time.Time
	ended     time.Time // when the server first said that it was done; it answers a poll as soon as it is
	handle    []byte
}

func startSpark(options ...testserver.SparkOption) (*spark, error) {
	notef("starting Spark")
	server, err := testserver.StartSpark(options...)
	if err != nil {
		return nil, err
	}
	s := &spark{server: server}
	at, err := url.Parse(server.URL)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("Spark's address: %w", err), server.Close())
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	forward := &httputil.ReverseProxy{Transport: transport, ModifyResponse: s.noteAnswer, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: at.Scheme, Host: at.Host})
	}}
	s.proxy = httptest.NewServer(watch(forward))
	s.lake, err = sparksql.OpenSpark(sparksql.SparkOptions{URL: s.proxy.URL + at.Path, Staging: server.Dir})
	if err != nil {
		s.proxy.Close()
		return nil, errors.Join(err, server.Close())
	}
	return s, nil
}

func (s *spark) close() error {
	err := s.lake.Close()
	s.proxy.Close()
	return errors.Join(err, s.server.Close())
}

// call is a Thrift call on its way to the server.
type call struct {
	method string
	about  []byte // its statement, or the handle of its operation
	came   time.Time
}

type callKey struct{}

// watch notes what is called, for noteAnswer.
func watch(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{came: time.Now()}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var about found
		if c.method, about, err = find(r.Context(), body, 1, 2); err == nil && c.method == statusCall {
			_, about, err = find(r.Context(), body, 1, 1, 1, 1)
		}
		if err != nil {
			c.method = "" // the driver's question for feature flags
		}
		c.about = about.bytes
		r.Body = io.NopCloser(bytes.NewReader(body))
		forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
	})
}

const (
	executeCall = "ExecuteStatement"
	statusCall  = "GetOperationStatus"
	finished    = 2 // Thrift's TOperationState; what is smaller or PENDING is not done
	pending     = 7
)

// noteAnswer counts every statement that the server was given, and notes when it had ended.
func (s *spark) noteAnswer(response *http.Response) error {
	c, _ := response.Request.Context().Value(callKey{}).(call)
	if c.method != executeCall && c.method != statusCall {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("%s: %w", c.method, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	path := []int16{0, 2} // the operation's state
	if c.method == executeCall {
		path = []int16{0, 2, 1, 1} // its handle
	}
	_, told, err := find(response.Request.Context(), body, path...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.method == executeCall {
		s.statements = append(s.statements, &execution{statement: string(c.about), began: c.came, handle: told.bytes})
		return nil
	}
	for _, e := range s.statements {
		if bytes.Equal(e.handle, c.about) && told.number == finished && e.ended.IsZero() {
			e.ended = time.Now()
		}
	}
	return nil
}

// cost is what some work took, and the statements that it had executed.
type cost struct {
	seconds    float64
	cpu        float64 // seconds of the server's processors
	statements []*execution
}

func (s *spark) cost(work func() error) (c cost, err error) {
	s.take()
	before, err := s.server.CPU()
	if err != nil {
		return c, err
	}
	began := time.Now()
	if err := work(); err != nil {
		return c, err
	}
	c.seconds, c.statements = time.Since(began).Seconds(), s.take()
	after, err := s.server.CPU()
	c.cpu = (after - before).Seconds()
	return c, err
}

func (s *spark) take() []*execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.statements
	s.statements = nil
	return taken
}

// one returns the one number that a query selects.
func (s *spark) one(ctx context.Context, schema, query string) (n int64, err error) {
	rows, err := s.lake.Query(ctx, schema, query, lake.At{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values, ok := rows.Next()
	if !ok {
		return 0, fmt.Errorf("%s: no row: %w", query, rows.Err())
	}
	if n, ok = values[0].(int64); !ok {
		return 0, fmt.Errorf("%s: %v is no number", query, values[0])
	}
	return n, nil
}

// equal fails unless two tables have the same rows, as many as wanted.
func (s *spark) equal(ctx context.Context, schema, a, b string, want int64) error {
	n, err := s.one(ctx, schema, "SELECT count(*) FROM "+a)
	if err != nil {
		return err
	}
	if n != want {
		return fmt.Errorf("%s has %d rows, want %d", a, n, want)
	}
	n, err = s.one(ctx, schema, fmt.Sprintf("SELECT count(*) FROM ((SELECT * FROM %[1]s EXCEPT ALL SELECT * FROM %[2]s) UNION ALL (SELECT * FROM %[2]s EXCEPT ALL SELECT * FROM %[1]s))", a, b))
	if err == nil && n != 0 {
		err = fmt.Errorf("%s and %s differ in %d rows", a, b, n)
	}
	return err
}
