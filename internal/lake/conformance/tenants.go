package conformance

import (
	"fmt"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

func testTenants(s *suite) {
	clients := []string{"o'brien", "a/b", "two words", "ünï😀", "100%", "a=b", `back\slash`, "UPPER", "upper", "..", "*?[", `'\`, "new\nline"}
	var batches []table.Batch
	var counts, want []string
	for i, client := range clients {
		batches = append(batches, s.batch(s.ref(client), plain, fmt.Sprintf("SELECT range AS id, 'v%d' AS v FROM range(2)", i)))
		counts, want = append(counts, "2 0 0"), append(want, fmt.Sprintf("v%d %s 2", i, client))
	}
	s.merge(strings.Join(counts, ", "), batches...)
	s.merge(strings.ReplaceAll(strings.Join(counts, ", "), "2", "0"), batches...)
	s.rows("SELECT v, client_id, count(*) FROM orders GROUP BY v, client_id ORDER BY CAST(substr(v, 2) AS INTEGER)", want...)

	s.run("OnlyOwnRows", func(s *suite) {
		upper := s.ref("upper")
		upper.Region = "us"
		s.merge("0 1 1, 1 0 0", s.batch(s.ref("upper"), plain, "SELECT 0::BIGINT AS id, 'mine' AS v", reload), s.batch(upper, plain, "SELECT 0::BIGINT AS id, 'other' AS v", reload))
		s.rows("SELECT client_id, region, v FROM orders WHERE lower(client_id) = 'upper' ORDER BY client_id, region",
			"UPPER eu v7", "UPPER eu v7", "upper eu mine", "upper us other")
		s.rows("SELECT count(*) FROM orders", fmt.Sprint(2*len(clients)))
	})
	s.run("SameClientTwice", func(s *suite) {
		s.merge("1 0 0, 0 1 0", s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'first' AS v"), s.batch(s.acme(), plain, "SELECT 1::BIGINT AS id, 'second' AS v"))
		s.rows("SELECT v FROM orders WHERE client_id = 'acme'", "second")
	})
}

// testManyClients merges as many clients as a group has, with different columns and kinds of batch, in one call
// to the lake that a group is for.
func testManyClients(s *suite) {
	s.lake = s.bare()
	const clients = 64
	merge := func(columns, rows, want string, last ...func(*table.Batch)) {
		s.Helper()
		batches, counts := make([]table.Batch, clients), make([]string, clients)
		for i := range batches {
			batches[i], counts[i] = s.batch(s.ref(fmt.Sprintf("c%02d", i)), columns, fmt.Sprintf(rows, i)), want
		}
		batches[clients-1] = s.batch(s.ref("c63"), columns, fmt.Sprintf(rows, clients-1), last...)
		if len(last) > 0 {
			counts[clients-1] = "0 2 1"
		}
		results := s.merge(strings.Join(counts, ", "), batches...)
		version := s.describe("orders").Version
		for _, result := range results {
			require.Equal(s, version, result.Version)
			require.Equal(s, clients, result.Group)
		}
	}
	merge(plain, "SELECT range AS id, 'v%d' AS v FROM range(3)", "3 0 0")
	merge(plain+"; extra integer", "SELECT range AS id, 'w' AS v, %d AS extra FROM range(2)", "0 2 0", reload)
	s.rows("SELECT count(*), count(DISTINCT client_id), sum(extra), sum(id) FROM orders", "191 64 4032 190")
	s.rows("SELECT v, count(*) FROM orders WHERE id = 2 AND client_id IN ('c62', 'c63') GROUP BY v", "v62 1")
}

func testPartitions(s *suite) {
	for name, by := range map[string][]string{"None": {}, "Region": {"region"}, "Column": {"kind"}, "ColumnAndClient": {"client_id", "day"}} {
		s.run(name, func(s *suite) {
			ref := s.named("t_" + strings.ToLower(name))
			other := ref
			other.Client = "globex"
			partition := func(b *table.Batch) { b.PartitionBy = by }
			columns := "id long; kind string; day date"
			rows := "SELECT range AS id, 'k' || range % 2 AS kind, DATE '2024-01-01' + (range % 3)::INTEGER AS day FROM range(6)"
			s.merge("6 0 0, 6 0 0", s.batch(ref, columns, rows, partition), s.batch(other, columns, rows, partition))
			const moved = "SELECT 1::BIGINT AS id, NULL::VARCHAR AS kind, DATE '2025-01-01' AS day"
			s.merge("0 1 0, 0 1 5", s.batch(ref, columns, moved, partition), s.batch(other, columns, moved, partition, reload))
			s.rows("SELECT client_id, id, kind FROM "+ref.Table+" WHERE id < 2 ORDER BY client_id, id", "acme 0 k0", "acme 1 <nil>", "globex 1 <nil>")
			s.rows("SELECT client_id, count(*) FROM "+ref.Table+" GROUP BY client_id ORDER BY client_id", "acme 6", "globex 1")
		})
	}
}

// testConcurrent merges different clients into one table at once, without group commit: first into a table that
// none has made yet.
func testConcurrent(s *suite) {
	bare := s.bare()
	const clients = 4
	for round, want := range []lake.MergeResult{{Inserted: 10}, {Inserted: 5, Updated: 5}} {
		var group sync.WaitGroup
		errs, results := make([]error, clients), make([]lake.MergeResult, clients)
		for i := range clients {
			rows := fmt.Sprintf("SELECT range + %d AS id, 'v%d' AS v FROM range(10)", 5*round, round)
			b := s.batch(s.ref(fmt.Sprintf("c%d", i)), plain, rows)
			group.Go(func() {
				merged, err := bare.Merge(s.Context(), []table.Batch{b})
				if errs[i] = err; err == nil {
					results[i] = merged[0]
				}
			})
		}
		group.Wait()
		for i := range clients {
			require.NoError(s, errs[i])
			results[i].Version, results[i].Group = 0, 0
			require.Equal(s, want, results[i])
		}
	}
	s.rows("SELECT client_id, v, count(*), count(DISTINCT id) FROM orders GROUP BY client_id, v ORDER BY client_id, v",
		"c0 v0 5 5", "c0 v1 10 10", "c1 v0 5 5", "c1 v1 10 10", "c2 v0 5 5", "c2 v1 10 10", "c3 v0 5 5", "c3 v1 10 10")
}

// bare is the lake without group commit.
func (s *suite) bare() lake.Lake {
	s.Helper()
	bare, ok := lake.As[lake.Lake](s.lake)
	require.True(s, ok)
	return bare
}
