package tests

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const tenantSync = `
target: {schema: central}
retry: {attempts: 2, initial: 100ms, max: 200ms}
tables:
  - {name: bills, cursor: updated_at, overlap: 1s}
  - {name: prices}
`

const tenantClients = `clients:
  - {id: acme, region: eu, host: 127.0.0.1, port: %[1]d, database: %[2]s, user: %[4]s, password: "file:%[5]s/eu.secret", columns: {mandant: client_id}}
  - {id: brio, region: eu, host: 127.0.0.1, port: %[1]d, database: %[3]s, user: %[4]s, password: "file:%[5]s/eu.secret", columns: {ClientID: client_id}}
`

// tenantTables are the same tables at every client, with the same ids; the column that names the client has another name at each.
func tenantTables(client, column string) string {
	return strings.NewReplacer("CLIENT", client, "COLUMN", column).Replace(`
		create table bills (id int not null primary key, COLUMN varchar(20) null, amount int not null,
		  updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6));
		create table prices (id int not null primary key, price int not null);
		insert into bills (id, COLUMN, amount) select seq, if(seq % 2, 'CLIENT', null), seq * length('CLIENT') from seq_1_to_20;
		insert into prices select seq, ascii('CLIENT') from seq_1_to_20;`)
}

func TestTenantsNeverMix(t *testing.T) {
	t.Parallel()
	s := newFaultStack(t, tenantSync, "acme", "brio")
	acme, brio := s.clients[0], s.clients[1]
	s.write(t, "clients.yaml", "{{.}}", fmt.Sprintf(tenantClients, acme.server.Port, acme.Database, brio.Database, acme.server.User, s.dir))
	acme.server.ExecIn(t, acme.Database, tenantTables("acme", "mandant"))
	brio.server.ExecIn(t, brio.Database, tenantTables("brio.", "ClientID"), "update bills set ClientID = 'brio' where ClientID is not null")
	s.work(t)
	l := s.lake(t)
	equal := func() {
		t.Helper()
		for _, c := range s.clients {
			require.Equal(t, c.rows(t, "select id, amount from bills order by id"),
				s.query(t, l, "select id, amount from bills where client_id = '"+c.ID+"' order by id"))
			require.Equal(t, c.rows(t, "select id, price from prices order by id"),
				s.query(t, l, "select id, price from prices where client_id = '"+c.ID+"' order by id"))
		}
	}
	s.sync(t)
	equal()
	require.Equal(t, []string{"acme|eu", "brio|eu"}, s.query(t, l, "select distinct client_id, region from bills order by 1"))

	// acme has rows that say they are brio's: one that brio has too, one that is new. Both change and delete what only they may.
	acme.server.ExecIn(t, acme.Database, "update bills set mandant = 'brio', amount = 666 where id = 4; insert into bills (id, mandant, amount) values (100, 'brio', 666), (101, 'ACME', 666)",
		"delete from prices where id > 5")
	before := s.query(t, l, "select * from bills where client_id = 'brio' order by id")
	s.sync(t)
	require.Equal(t, before, s.query(t, l, "select * from bills where client_id = 'brio' order by id"))
	require.Equal(t, []string{"0"}, s.query(t, l, "select count(*) from bills where amount = 666"))
	require.Equal(t, []string{"bills|3"}, s.query(t, l, "select table_name, rows_quarantined from sync_runs where client_id = 'acme' and rows_quarantined > 0"))
	require.Equal(t, []string{"4|16"}, s.query(t, l, "select id, amount from bills where client_id = 'acme' and id = 4"), "acme's row is as it was")
	require.Equal(t, acme.rows(t, "select id, price from prices order by id"), s.query(t, l, "select id, price from prices where client_id = 'acme' order by id"))
	require.Equal(t, []string{"20"}, s.query(t, l, "select count(*) from prices where client_id = 'brio'"), "acme's deletes are its own")

	acme.server.ExecIn(t, acme.Database, "update bills set mandant = 'acme' where id in (4, 100, 101)")
	s.sync(t)
	equal()
}
