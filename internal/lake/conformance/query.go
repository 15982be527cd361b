package conformance

import (
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
)

func testQuery(s *suite) {
	s.merge("2 0 0", s.batch(s.acme(), plain, "SELECT range AS id, 'v' AS v FROM range(2)"))
	orders := s.acme().Schema + ".orders"
	s.rows("WITH x AS (SELECT * FROM orders) SELECT a.id FROM x a JOIN "+orders+" b ON a.id = b.id ORDER BY 1;", "0", "1")
	s.rows("-- of all; clients\nSELECT id, ';' AS v /* ; */ FROM "+orders+" WHERE id = 1 \n;\n", "1 ;")
	s.rows("SELECT id FROM orders WHERE id > 7")
	s.run("ErrUnknownTable", func(s *suite) {
		for _, name := range []string{"ordrs", s.schema + ".ordrs"} {
			_, err := s.query(lake.At{}, "SELECT * FROM "+name)
			require.ErrorIs(s, err, lake.ErrNotFound)
			require.ErrorContains(s, err, "ordrs")
			require.ErrorContains(s, err, "orders")
		}
	})
	s.run("ErrUnknownColumn", func(s *suite) {
		_, err := s.query(lake.At{}, "SELECT vv FROM orders")
		require.ErrorContains(s, err, "vv")
	})
	for name, query := range map[string]string{
		"ErrDrop":       "DROP TABLE orders",
		"ErrDelete":     "DELETE FROM orders",
		"ErrInsert":     "INSERT INTO orders SELECT * FROM orders",
		"ErrWithInsert": "WITH x AS (SELECT * FROM orders) INSERT INTO orders SELECT * FROM x",
		"ErrFromInsert": "FROM orders INSERT INTO orders SELECT *",
		"ErrCreate":     "CREATE TABLE other AS SELECT 1 AS id",
		"ErrTwo":        "SELECT 1; SELECT 2",
		"ErrTwoDrop":    "SELECT 1; DROP TABLE orders",
		"ErrSyntax":     "SELEC 1",
		"ErrEmpty":      " ; ",
		"ErrOutside":    "SELECT * FROM read_csv('/etc/passwd')",
		"ErrOutside2":   "SELECT * FROM '/etc/passwd'",
		"ErrSettings":   "SET enable_external_access = true",
		"ErrCopy":       "COPY (SELECT 1) TO '/tmp/out.csv'",
	} {
		s.run(name, func(s *suite) {
			_, err := s.query(lake.At{}, query)
			require.Error(s, err)
		})
	}
	s.rows(all, "0 v", "1 v")
	tables, err := s.lake.Tables(s.Context(), s.schema)
	require.NoError(s, err)
	require.Equal(s, []string{"orders"}, tables)
}

func testExecute(s *suite) {
	executor, ok := lake.As[lake.Executor](s.lake)
	require.Equal(s, s.Executes, ok)
	if !ok {
		return
	}
	s.merge("3 0 0", s.batch(s.acme(), plain, "SELECT range AS id, 'v' AS v FROM range(3)"))
	execute := func(statement string) error { return executor.Exec(s.Context(), s.schema, statement) }
	require.NoError(s, execute("CREATE VIEW late AS SELECT id FROM orders WHERE id > 0"))
	require.NoError(s, execute("CREATE OR REPLACE TABLE gold USING delta AS SELECT count(*) AS n, ';' AS v FROM late"))
	s.rows("SELECT n, v FROM gold", "2 ;")
	s.rows("SELECT id FROM late ORDER BY id", "1", "2")
	s.merge("1 0 0", s.batch(s.acme(), plain, "SELECT 7::BIGINT AS id, 'v' AS v"))
	s.rows("SELECT id FROM late ORDER BY id", "1", "2", "7")
	for name, statement := range map[string]string{"ErrTable": "INSERT INTO nothing SELECT 1", "ErrSyntax": "CREAT TABLE x", "ErrEmpty": ""} {
		s.run(name, func(s *suite) { require.Error(s, execute(statement)) })
	}
}
