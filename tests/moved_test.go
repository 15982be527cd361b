package tests

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

const movedSync = `
target: {schema: central}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 10s}
tables:
  - {name: orders, cursor: updated_at, history: true}
  - {name: stock}
`

func TestAClientThatMovesToAnotherRegionHasItsRowsOnce(t *testing.T) {
	server := testserver.MariaDB(t)
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: localLake(t)}
	for id, region := range map[string]string{"acme": "eu", "brio": "us"} {
		c := tenant{ID: id, Region: region, Database: server.Database(t, id), server: server}
		server.ExecIn(t, c.Database, `create table stock (sku varchar(20) not null primary key, quantity int not null);
			insert into stock values ('a', 1), ('b', 2);
			create table orders (id int not null primary key, v varchar(20), updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6));
			insert into orders (id, v) select seq, 'first' from seq_1_to_50`)
		s.clients = append(s.clients, c)
	}
	s.configure(t, movedSync)
	s.startWorker(t)
	s.sync(t)
	l := s.lake(t)

	acme := &s.clients[0]
	if acme.ID != "acme" {
		acme = &s.clients[1]
	}
	acme.Region = "us"
	s.configure(t, movedSync)
	acme.server.ExecIn(t, acme.Database, `delete from orders where id = 1; update orders set v = 'second' where id = 2; delete from stock where sku = 'a'`)
	s.sync(t)
	require.Equal(t, []string{"acme|us|49|48", "brio|us|50|50"}, s.query(t, l, "select client_id, region, count(*), count(*) filter (v = 'first') from orders group by all order by all"))
	require.Equal(t, []string{"acme|us|1", "brio|us|2"}, s.query(t, l, "select client_id, region, count(*) from stock group by all order by all"))
	require.Equal(t, []string{"acme|eu|50|0", "acme|us|49|49", "brio|us|50|50"},
		s.query(t, l, "select client_id, region, count(*), count(*) filter (is_current) from orders_history group by all order by all"), "versions of the old region have ended")
	require.Equal(t, []string{"0"}, s.query(t, l, "select count(*) from orders_history a join orders_history b on a.client_id = b.client_id and a.id = b.id and a.valid_from < b.valid_from and a.valid_to > b.valid_from"))
	require.Equal(t, []string{"orders|49|50", "stock|1|2"},
		s.query(t, l, "select table_name, rows_read, rows_deleted from sync_runs where client_id = 'acme' and region = 'us' and notes like '%moved here from region eu%' order by all"))

	acme.server.ExecIn(t, acme.Database, `update orders set v = 'third' where id = 2`)
	s.sync(t)
	require.Equal(t, []string{"us|49|1"}, s.query(t, l, "select region, count(*), count(*) filter (v = 'third') from orders where client_id = 'acme' group by all"))
	require.Equal(t, []string{"us|true", "us|false"},
		s.query(t, l, "select region, watermark is not null from sync_log where client_id = 'acme' order by table_name"))
	require.Equal(t, []string{"0"}, s.query(t, l, "select count(*) from sync_runs where client_id = 'acme' and table_name = 'orders' and window_low is null and started_at > (select min(started_at) from sync_runs where region = 'us' and client_id = 'acme' and table_name = 'orders')"),
		"the run after the move is incremental")
}
