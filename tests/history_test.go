package tests

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const pricesSync = `
target: {{.Target}}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 10s}
clients: [acme]
tables:
  - {name: prices, cursor: updated_at, overlap: 1s, history: true, deletes: {column: withdrawn, reconcile: true}}
  - {name: stock, history: only}
`

func TestVersionsOfRowsAreKept(t *testing.T) {
	s := newBigStackOn(t, localLake(t), pricesSync, 1)
	s.startWorker(t)
	l := s.lake(t)
	acme := s.clients[0]
	exec := func(sql string) { t.Helper(); acme.server.ExecIn(t, acme.Database, sql) }
	exec(`create table prices (article varchar(20) not null primary key, price decimal(9,2) not null, withdrawn datetime null,
		updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6), key (updated_at));
		create table stock (sku varchar(20) not null primary key, quantity int not null);
		insert into prices (article, price) values ('apple', 1), ('fig', 2), ('kiwi', 3), ('lime', 4);
		insert into stock values ('apple', 10), ('fig', 20)`)
	s.sync(t)
	exec(`update prices set price = 1.10 where article = 'apple'; update prices set withdrawn = now() where article = 'fig'; delete from prices where article = 'kiwi';
		update stock set quantity = 11 where sku = 'apple'; delete from stock where sku = 'fig'`)
	s.sync(t)
	exec(`update prices set withdrawn = null where article = 'fig'; insert into stock values ('fig', 21)`)
	s.sync(t)
	s.sync(t) // nothing new

	require.Equal(t, []string{"apple|1.10", "fig|2.00", "lime|4.00"}, s.query(t, l, "select article, price from prices order by article"))
	// A version begins when the source changed the row; one ends when the next begins, or when the row was seen to be gone.
	require.Equal(t, []string{
		"apple|1.00|true|false", "apple|1.10|true|true", "fig|2.00|true|false", "fig|2.00|true|true", "kiwi|3.00|true|false", "lime|4.00|true|true",
	}, s.query(t, l, "select article, price, valid_from = updated_at, is_current from prices_history order by article, valid_from"))
	require.Equal(t, []string{"apple|1.00", "fig|2.00", "kiwi|3.00", "lime|4.00"}, s.query(t, l,
		"select article, price from prices_history h, (select max(valid_from) as moment from prices_history where article = 'lime') "+
			"where h.valid_from <= moment and (h.valid_to > moment or h.valid_to is null) order by article"))
	require.Equal(t, []string{"0"}, s.query(t, l, "select count(*) from prices_history a join prices_history b on a.article = b.article and a.valid_from < b.valid_from "+
		"where a.valid_to is null or a.valid_to > b.valid_from"))
	require.Equal(t, []string{"apple|10|false", "apple|11|true", "fig|20|false", "fig|21|true"}, s.query(t, l, "select sku, quantity, is_current from stock order by sku, valid_from"))
	require.Equal(t, []string{"2|0|0", "1|2|0", "1|0|0", "0|0|0"}, s.query(t, l,
		"select rows_inserted, rows_updated, rows_deleted from sync_runs where table_name = 'stock' order by started_at"), "versions that began and ended")
}
