package tests

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/testserver"
	"tributary/workflows"
)

const faultSync = `
target: {schema: central}
parallel: {clients: 8, tables_per_client: 2}
retry: {attempts: 3, initial: 100ms, max: 200ms}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
tables:
  - name: orders
    cursor: updated_at
    overlap: 1s
    where: "status <> 'none'"
    deletes: {column: deleted_at, reconcile: true}
    expect:
      - {name: amount_not_negative, that: "amount >= 0", otherwise: quarantine}
  - name: customers
    ids: [id]
    cursor: updated_at
    overlap: 1s
    rename: {kunde: name}
    fill: {source_system: "shop ${client.id}"}
    types: {id: short}
    transform:
      - {column: email, hash: sha256, salt: "file:{{.Dir}}/salt.secret"}
  - name: events
    cursor: id
    overlap: 5
`

var faultTables = []string{"orders", "customers", "events"}

// sourceFault is something wrong at one client; a client may have several, in different tables.
type sourceFault struct {
	client       string
	at           func(t *testing.T, c *tenant) // changes where the client is
	broken, mend string                        // SQL at the source
	fails        []string                      // tables; the others arrive
	attempts     int32
	says         []string
}

const retries = 3 // faultSync's attempts

var sourceFaults = []sourceFault{
	{client: "brio", fails: faultTables, attempts: retries, says: []string{"127.0.0.1", "refused"},
		at: func(_ *testing.T, c *tenant) { c.server = serverAt(c, 1, c.server.Password) }},
	{client: "cato", fails: faultTables, attempts: 1, says: []string{"access denied by the source", "check the user, its password"},
		at: func(_ *testing.T, c *tenant) {
			c.Region, c.server = "us", serverAt(c, c.server.Port, "not the password")
		}},
	{client: "dune", fails: faultTables, attempts: 1, says: []string{"missing at the source", "nowhere", "check the client's database"},
		at: func(_ *testing.T, c *tenant) { c.Database = "nowhere" }},
	{client: "eve", fails: []string{"events"}, attempts: 1, says: []string{`"events"`, "missing at the source", `did you mean "event"?`},
		broken: "rename table events to event", mend: "rename table event to events"},
	{client: "gus", fails: []string{"customers"}, attempts: 1, says: []string{`"kunde"`, "missing at the source", `did you mean "kunden"?`},
		broken: "alter table customers rename column kunde to kunden", mend: "alter table customers rename column kunden to kunde"},
	{client: "hal", fails: []string{"customers"}, attempts: 1, says: []string{`"id"`, "missing at the source"},
		broken: "alter table customers rename column id to nr", mend: "alter table customers rename column nr to id"},
	{client: "fay", fails: []string{"events"}, attempts: 1, says: []string{"no primary key", "ids"},
		broken: "alter table events modify id bigint not null, drop primary key", mend: "alter table events modify id bigint not null auto_increment primary key"},
	{client: "ivo", fails: []string{"customers"}, attempts: 1, says: []string{`"id" is nullable`},
		broken: "alter table customers drop primary key, modify id int null", mend: "alter table customers modify id int not null primary key"},
	{client: "gus", fails: []string{"orders"}, attempts: 1, says: []string{"cursor", `"updated_at"`, "missing at the source"},
		broken: "alter table orders rename column updated_at to changed", mend: "alter table orders rename column changed to updated_at"},
	{client: "hal", fails: []string{"orders"}, attempts: 1, says: []string{`"updated_at" is string`, "timestamp", "transform"},
		broken: "set time_zone = '+00:00'; alter table orders modify updated_at varchar(40)",
		mend:   `set time_zone = '+00:00'; alter table orders modify updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6)`},
	{client: "ivo", fails: []string{"orders"}, attempts: 1, says: []string{"status", "where"},
		broken: "alter table orders rename column status to state", mend: "alter table orders rename column state to status"},
	{client: "jan", fails: []string{"orders"}, attempts: 1, says: []string{`rule "amount_not_negative"`, `there is no column "amount"`},
		broken: "alter table orders rename column amount to sum", mend: "alter table orders rename column sum to amount"},
	{client: "jan", fails: []string{"customers"}, attempts: 1, says: []string{"columns collide", `"name"`},
		broken: "alter table customers add column Name varchar(9)", mend: "alter table customers drop column Name"},
	{client: "kim", fails: []string{"customers"}, attempts: 1, says: []string{"columns collide", `"source_system"`},
		broken: "alter table customers add column source_system varchar(9)", mend: "alter table customers drop column source_system"},
	{client: "eve", fails: []string{"customers"}, attempts: 1, says: []string{`column "id" (int(11) to short)`, "value does not fit", "out of the type's range"},
		broken: "insert into customers (id) values (70000)", mend: "delete from customers where id = 70000"},
	{client: "fay", fails: []string{"customers"}, attempts: 1, says: []string{"missing at the source", `or user "revoked" may not read it`},
		at: func(t *testing.T, c *tenant) {
			c.server.ExecIn(t, c.Database, "create user revoked identified by '"+c.server.Password+"'; grant select on orders to revoked; grant select on events to revoked")
			c.server = serverAt(c, c.server.Port, c.server.Password)
			c.server.User = "revoked"
		}},
	{client: "kim", fails: []string{"orders"}, attempts: 1, says: []string{`"customer_id"`, "string", "integer"},
		broken: "alter table orders modify customer_id varchar(20) not null", mend: "alter table orders modify customer_id int not null"},
}

func serverAt(c *tenant, port int, password string) *testserver.Server {
	return &testserver.Server{Host: c.server.Host, Port: port, User: c.server.User, Password: password}
}

// All faults are in one run, at clients of which some have two.
func TestFaultsAtClientsFailOnlyTheirTables(t *testing.T) {
	t.Parallel()
	ids := []string{"acme"}
	for _, f := range sourceFaults {
		if !slices.Contains(ids, f.client) {
			ids = append(ids, f.client)
		}
	}
	s := newFaultStack(t, faultSync, ids...)
	_, stop := s.work(t)
	l := s.lake(t)
	s.sync(t)
	healthy := slices.Clone(s.clients)
	before := s.breakSources(t, l)
	stop()
	s.configure(t, faultSync)
	_, stop = s.work(t)

	err := s.wait(t, s.start(t))
	require.ErrorContains(t, err, fmt.Sprintf("sync daily: %d of %d client tables failed", len(before), len(faultTables)*len(s.clients)))
	require.Contains(t, workflows.Reason(err), "eu/eve: customers: ", "the error names region, client and table")
	for _, f := range sourceFaults {
		for _, name := range f.fails {
			s.requireFailure(t, l, f.client, name, f.attempts, f.says...)
			require.Equal(t, before[f.client+"/"+name], s.state(t, l, f.client, name), "%s of %s is as it was", name, f.client)
		}
	}
	s.requireNothingLeft(t)
	stop()
	s.clients = healthy
	for _, c := range s.clients {
		for _, name := range faultTables {
			if _, failed := before[c.ID+"/"+name]; !failed {
				s.requireClientTable(t, l, c, name)
			}
		}
	}

	for _, f := range sourceFaults {
		if c := s.clientNamed(f.client); f.mend != "" {
			c.server.ExecIn(t, c.Database, f.mend)
		}
	}
	s.configure(t, faultSync)
	s.work(t)
	s.sync(t)
	for _, c := range s.clients {
		for _, name := range faultTables {
			s.requireClientTable(t, l, c, name)
		}
	}
}

// breakSources changes rows at every client, then brings in the faults. It returns what the lake has of the client
// tables that will fail, by client/table.
func (s *stack) breakSources(t *testing.T, l lake.Lake) map[string]state {
	t.Helper()
	for _, c := range s.clients {
		c.server.ExecIn(t, c.Database, changeRows)
	}
	before := map[string]state{}
	for _, f := range sourceFaults {
		c := s.clientNamed(f.client)
		for _, name := range f.fails {
			before[f.client+"/"+name] = s.state(t, l, f.client, name)
		}
		if f.broken != "" {
			c.server.ExecIn(t, c.Database, f.broken)
		} else {
			f.at(t, c)
		}
	}
	return before
}
