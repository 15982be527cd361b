package sparksql_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// gate is a proxy before a Spark that calls back after the first MERGE was accepted, while the requests that follow wait.
type gate struct {
	url   string
	after atomic.Pointer[func()]
}

func newGate(t *testing.T, spark *testserver.SparkServer) *gate {
	t.Helper()
	target, err := url.Parse(spark.URL)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	g := &gate{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
		if bytes.Contains(body, []byte("ExecuteStatement")) && bytes.Contains(body, []byte("MERGE INTO")) {
			if after := g.after.Swap(nil); after != nil {
				(*after)()
			}
		}
	}))
	t.Cleanup(server.Close)
	g.url = server.URL + target.Path
	return g
}

// TestMergesOutliveARestart kills Spark while it merges, and after it has merged but before it says so.
func TestMergesOutliveARestart(t *testing.T) {
	t.Parallel()
	spark := testserver.PrivateSpark(t)
	g := newGate(t, spark)
	l := openSpark(t, spark, func(o *sparksql.SparkOptions) { o.URL = g.url })
	const rows = "SELECT range AS id, 'v' AS v FROM range(100000)"
	schema := spark.Schema(t)
	require.Equal(t, "3 0 0", merged(t, l, batch(t, l, schema, "globex", "SELECT range AS id, 'g' AS v FROM range(3)")))
	again := func() {
		require.NoError(t, spark.Kill())
		require.NoError(t, spark.Start())
	}
	sum := func(t *testing.T) []string {
		t.Helper()
		return found(t, l, schema, "SELECT client_id, count(*), count(DISTINCT id), max(v) FROM orders GROUP BY client_id ORDER BY client_id")
	}

	t.Run("BetweenStatements", func(t *testing.T) { // no statement is lost: all of them have not run
		const sessions = 5
		open := func() {
			var all []lake.Rows
			for range sessions {
				rows, err := l.Query(t.Context(), schema, "SELECT 1", lake.At{})
				require.NoError(t, err)
				all = append(all, rows)
			}
			for _, rows := range all {
				require.NoError(t, rows.Close())
			}
		}
		open()
		again()
		require.Equal(t, "1 0 0", merged(t, l, batch(t, l, schema, "initech", "SELECT 1::BIGINT AS id, 'i' AS v")))
		open()
		require.Equal(t, []string{"globex 3 3 g", "initech 1 1 i"}, sum(t))
	})
	t.Run("MidMerge", func(t *testing.T) {
		b := batch(t, l, schema, "acme", rows)
		g.after.Store(&again)
		_, err := l.Merge(t.Context(), []table.Batch{b})
		require.Nil(t, g.after.Load(), "Spark was killed")
		requireRetryable(t, err)
		require.Contains(t, []string{"100000 0 0", "0 0 0"}, merged(t, l, b), "the second is right when the first had committed")
		require.Equal(t, []string{"acme 100000 100000 v", "globex 3 3 g", "initech 1 1 i"}, sum(t))
	})
	t.Run("CommittedButNotSaid", func(t *testing.T) {
		beside := openSpark(t, spark)
		before, err := beside.Describe(t.Context(), schema, "orders")
		require.NoError(t, err)
		b := batch(t, l, schema, "acme", rows+" WHERE range < 50000 UNION ALL SELECT 7777777, 'new'", func(b *table.Batch) { b.Reload = true })
		after := func() {
			for {
				now, err := beside.History(t.Context(), schema, "orders", 1)
				if err != nil || now[0].Version > before.Version {
					break
				}
			}
			again()
		}
		g.after.Store(&after)
		_, err = l.Merge(t.Context(), []table.Batch{b})
		requireRetryable(t, err)
		require.Equal(t, "0 0 0", merged(t, l, b))
		require.Equal(t, []string{"acme 50001 50001 v", "globex 3 3 g", "initech 1 1 i"}, sum(t))
	})
	t.Run("CloseAfterwards", func(t *testing.T) {
		other := openSpark(t, spark)
		require.Len(t, sum(t), 3)
		require.Len(t, found(t, other, schema, "SELECT 1"), 1)
		again()
		require.NoError(t, other.Close())
		require.NoError(t, spark.Kill())
		require.NoError(t, l.Close(), "nor when it is away")
	})
}

// requireRetryable says that an error asks for another try.
func requireRetryable(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, permanent := range []error{lake.ErrBatch, lake.ErrSchema, lake.ErrDenied, lake.ErrSetup, lake.ErrNotFound, lake.ErrCorrupt} {
		require.NotErrorIs(t, err, permanent)
	}
}
