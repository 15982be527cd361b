package tests

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
)

// dailySync has each way of reading a table: by cursor with soft deletes and real ones, by cursor with
// transforms, by an ever-growing id, and whole.
const dailySync = syncHead + ordersSpec + `  - name: customers
    cursor: updated_at
    overlap: 1s
    rename: {kunde: name}
    fill: {source_system: "shop ${client.id}"}
    transform:
      - {column: email, hash: sha256, salt: "file:{{.Dir}}/salt.secret"}
  - name: events
    cursor: id
    overlap: 5
` + stockSpec

// shortSync is dailySync for lakes whose every statement takes seconds: by cursor with deletes of both kinds, and whole.
const shortSync = syncHead + ordersSpec + stockSpec

const syncHead = `
target: {{.Target}}
parallel: {clients: 4, tables_per_client: 2}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m}
tables:
`

const ordersSpec = `  - name: orders
    cursor: updated_at
    overlap: 1s
    deletes: {column: deleted_at, reconcile: true}
    expect:
      - {name: amount_not_negative, that: "amount >= 0", otherwise: quarantine}
`

const stockSpec = `  - name: stock
`

const salt = "pepper"

const shopTables = `
create table orders (id bigint unsigned not null auto_increment primary key, customer_id int not null,
  status enum('new','paid','shipped') not null, amount decimal(12,2) null, ordered_on date null, note varchar(200) null,
  updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6), deleted_at datetime null, key (updated_at)) default charset=utf8mb4;
create table customers (id int not null primary key, kunde varchar(100) null, email varchar(100) null,
  updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6)) default charset=latin1;
create table events (id bigint not null auto_increment primary key, kind varchar(20) not null, at datetime(3) not null);
create table stock (sku varchar(20) not null, place varchar(20) not null, quantity int not null, primary key (sku, place));`

// shopRows fills the tables of one client; two rows of orders break its rule.
func shopRows(client string) string {
	return fmt.Sprintf(`
insert into orders (customer_id, status, amount, ordered_on, note)
  select seq %% 97, elt(1 + seq %% 3, 'new', 'paid', 'shipped'), if(seq %% 11 = 0, null, seq * 1.37), date_add('2024-01-01', interval seq %% 700 day), if(seq %% 4 = 0, null, concat('%[1]s – nº ', seq, ' ☕')) from seq_1_to_2000;
update orders set amount = -1 where id in (7, 8);
insert into customers (id, kunde, email) select seq, concat('Kunde Müller ', seq), concat('k', seq, '@%[1]s.example') from seq_1_to_97;
insert into events (kind, at) select concat('kind', seq %% 3), date_add('2024-01-01', interval seq second) from seq_1_to_500;
insert into stock select concat('sku', seq), '%[1]s', seq from seq_1_to_50;`, client)
}

const changeRows = `
update orders set status = 'shipped', note = 'änderung' where id % 100 = 3;
update orders set deleted_at = now() where id in (10, 20, 30);
delete from orders where id in (11, 12);
insert into orders (customer_id, status, amount) values (1, 'new', 12345678.90), (2, 'paid', null);
update customers set email = null where id = 5;
insert into customers (id, kunde, email) values (1000, 'Ñandú', 'n@example');
insert into events (kind, at) values ('late', '2025-01-01 00:00:00.123');
delete from stock where sku in ('sku1', 'sku2');
update stock set quantity = quantity + 1 where sku = 'sku3';
insert into stock values ('new', 'shelf', 1);`

// comparison says what a source and the lake must agree on, as exact text.
type comparison struct{ source, columns, order string }

// comparisons are those of each central table.
var comparisons = map[string]comparison{
	"orders": {
		`select id, customer_id, status, amount, ordered_on, note, date_format(updated_at, '%Y-%m-%d %H:%i:%s.%f')
		 from orders where deleted_at is null and (amount >= 0 or amount is null) order by id`,
		"id, customer_id, status, amount, ordered_on, note, updated_at", "id",
	},
	"customers": {
		`select id, kunde, sha2(concat('` + salt + `', convert(email using utf8mb4)), 256), 'shop CLIENTID', date_format(updated_at, '%Y-%m-%d %H:%i:%s.%f') from customers order by id`,
		"id, name, email, source_system, updated_at", "id",
	},
	"events": {
		`select id, kind, date_format(at, '%Y-%m-%d %H:%i:%s.%f') from events order by id`,
		"id, kind, events.at", "id",
	},
	"stock": {"select sku, place, quantity from stock order by sku, place", "sku, place, quantity", "sku, place"},
}

// requireEqual compares every client table's source and lake row by row, except those of the named clients.
func (s *stack) requireEqual(t *testing.T, l lake.Lake, but ...string) {
	t.Helper()
	synced, err := s.config(t).Sync("daily")
	require.NoError(t, err)
	for _, spec := range synced.Tables {
		compare, got := comparisons[spec.Name], map[string][]string{}
		for _, line := range s.query(t, l, fmt.Sprintf("select region, client_id, %s from %s order by %s", compare.columns, spec.Name, compare.order)) {
			tenant := strings.SplitN(line, "|", 3)
			got[tenant[0]+"|"+tenant[1]] = append(got[tenant[0]+"|"+tenant[1]], tenant[2])
		}
		for _, c := range s.clients {
			if contains(but, c.ID) {
				continue
			}
			want := c.rows(t, strings.ReplaceAll(compare.source, "CLIENTID", c.ID))
			require.NotEmpty(t, want)
			require.Equal(t, want, got[c.Region+"|"+c.ID], "%s of %s", spec.Name, c.ID)
			delete(got, c.Region+"|"+c.ID)
		}
		maps.DeleteFunc(got, func(tenant string, _ []string) bool { return contains(but, tenant[strings.IndexByte(tenant, '|')+1:]) })
		require.Empty(t, got, "nothing else is in the lake")
	}
}

// rows runs SQL at the source, in UTC, and returns the rows, each as text joined with |.
func (c tenant) rows(t *testing.T, sql string) []string {
	t.Helper()
	db := c.server.Open(t, c.Database)
	db.SetMaxOpenConns(1)
	_, err := db.ExecContext(t.Context(), "set time_zone = '+00:00'")
	require.NoError(t, err)
	rows, err := db.QueryContext(t.Context(), sql)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var lines []string
	for rows.Next() {
		cells := make([]*string, len(columns))
		targets := make([]any, len(columns))
		for i := range cells {
			targets[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(targets...))
		texts := make([]string, len(cells))
		for i, cell := range cells {
			if texts[i] = "NULL"; cell != nil {
				texts[i] = *cell
			}
		}
		lines = append(lines, strings.Join(texts, "|"))
	}
	require.NoError(t, rows.Err())
	return lines
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
