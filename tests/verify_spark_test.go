package tests

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/verify"
)

func TestVerifyOnSparkFindsAndRepairsDifferences(t *testing.T) {
	t.Parallel()
	s := newStackOn(t, sparkLake(t), regions[:1], syncHead+ordersSpec+"    history: true\n"+stockSpec)
	s.startWorker(t)
	s.ageRows(t) // past the overlap
	s.sync(t)
	l := s.lake(t)
	executor, ok := lake.As[lake.Executor](l)
	require.True(t, ok)
	for _, statement := range []string{
		"DELETE FROM orders WHERE client_id = 'acme' AND id = 40",
		"UPDATE orders SET id = 999999 WHERE client_id = 'acme' AND id = 41",
		"UPDATE orders SET status = '?', note = NULL, updated_at = timestamp'2099-01-01 00:00:00' WHERE client_id = 'acme' AND id = 42",
		"UPDATE orders_history SET status = '?' WHERE client_id = 'acme' AND id = 50",
		"UPDATE orders_history SET id = 888888 WHERE client_id = 'acme' AND id = 51",
		"INSERT INTO stock SELECT * FROM stock WHERE client_id = 'acme' AND sku = 'sku7'",
	} {
		require.NoError(t, executor.Exec(t.Context(), s.central.schema, statement), statement)
	}
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, `
insert into orders (customer_id, status, amount) values (5, 'new', 5);
update orders set note = 'nobody saw it', updated_at = updated_at where id = 43;`)

	summary, reports := s.verify(t, true)
	require.Equal(t, [2]int{4, 0}, [2]int{summary.OK, summary.Failed}, "%+v", summary.Problems)
	require.Equal(t, map[string][]string{
		"acme/orders": {"40 only_source", "41 only_source", "999999 only_lake", "42 different status,note,updated_at", "43 different note"},
		"acme/stock":  {"sku7,acme doubled"}, "dune/orders": nil, "dune/stock": nil,
	}, map[string][]string{
		"acme/orders": differences(reports["acme/orders"]), "acme/stock": differences(reports["acme/stock"]),
		"dune/orders": differences(reports["dune/orders"]), "dune/stock": differences(reports["dune/stock"]),
	})
	require.Equal(t, verify.StatusRepaired, reports["acme/orders"].Status)
	require.Positive(t, reports["acme/orders"].InFlight)
	versions := reports["acme/orders"].Versions
	require.Equal(t, []string{"888888 only_lake", "43 different note", "50 different status"}, differences(*versions))
	require.Equal(t, int64(1), versions.Unversioned, "51 has none now")
	require.Equal(t, verify.StatusRepaired, versions.Status)
	require.Equal(t, versions.Repair.Source, versions.Repair.Lake)
	require.Equal(t, []string{"43|false", "43|true", "50|false", "50|true", "51|true", "888888|false"},
		s.query(t, l, "select id, is_current from orders_history where client_id = 'acme' and id in (43, 50, 51, 888888) order by id, valid_from"))
	require.Equal(t, verify.StatusEqual, reports["dune/orders"].Versions.Status)
	require.Equal(t, verify.StatusRepaired, reports["acme/stock"].Status)
	require.Equal(t, verify.StatusEqual, reports["dune/orders"].Status)
	require.Empty(t, s.staged(t))
	s.sync(t)
	s.requireEqual(t, l)
}
