package tests

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const stockSync = `
target: {schema: central}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 10s}
clients: [acme]
tables:
  - name: stock
    rename: {sku: article}
    transform: [{column: article, hash: sha256}]
    expect: [{name: not_negative, that: "quantity >= 0", otherwise: quarantine}]
`

func TestAReloadKeepsTheLastGoodVersionOfARowThatItQuarantines(t *testing.T) {
	s := newBigStack(t, stockSync)
	s.startWorker(t)
	l := s.lake(t)
	acme := s.clients[0]
	acme.server.ExecIn(t, acme.Database, `create table stock (sku varchar(20) not null primary key, quantity int not null);
		insert into stock values ('good', 1), ('turns bad', 2), ('goes', 3)`)
	s.sync(t)
	acme.server.ExecIn(t, acme.Database, `update stock set quantity = quantity - 10 where sku = 'turns bad'; delete from stock where sku = 'goes'`)
	s.sync(t)
	require.Equal(t, []string{"1", "2"}, s.query(t, l, "select quantity from stock order by 1"))
	acme.server.ExecIn(t, acme.Database, `update stock set quantity = 20 where sku = 'turns bad'`)
	s.sync(t)
	require.Equal(t, []string{"1", "20"}, s.query(t, l, "select quantity from stock order by 1"))
	require.Equal(t, []string{"3|0|0", "2|1|1", "2|0|0"}, s.query(t, l, "select rows_read, rows_quarantined, rows_deleted from sync_runs order by started_at"))
}
