package tests

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

const readSync = `
target: {{.Target}}
retry: {attempts: 30, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m, heartbeat: 1m}
parallel: {clients: 1, tables_per_client: 3}
tables:
  - {name: killed, cursor: updated_at}
  - {name: altered, cursor: updated_at}
  - {name: doubled, cursor: updated_at, ids: [code], overlap: 1s}
`

// TestSourcesThatFailWhileTheyAreRead kills the server of two full loads, of which some chunks were read, and has one of the
// tables altered. A third table has a key that is not unique.
func TestSourcesThatFailWhileTheyAreRead(t *testing.T) {
	t.Parallel()
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: localLake(t)}
	server := testserver.MariaDB(t, testserver.Private())
	acme := tenant{ID: "acme", Region: "eu", Database: server.Database(t, "acme"), server: server}
	s.clients = []tenant{acme}
	s.configure(t, readSync)
	s.append(t, "tributary.yaml", "\nlimits: {max_statement_time: 2s, table_connections: 1}\n")
	const large = ` (id int primary key, a varchar(20) not null, b varchar(20) not null, updated_at timestamp(6) not null default current_timestamp(6));`
	const rows = ` (id, a, b) select seq, concat('a', seq), concat('b', seq) from seq_1_to_80000;`
	server.ExecIn(t, acme.Database, "create table killed"+large+"create table altered"+large+"insert into killed"+rows+"insert into altered"+rows+`
		analyze table killed, altered;
		create table doubled (n int primary key, code varchar(9) not null, v int not null, updated_at datetime not null);
		insert into doubled values (1, 'x', 1, '2024-01-01'), (2, 'x', 2, '2024-01-02'), (3, 'y', 3, '2024-01-01'), (4, 'y', 4, '2024-01-01'), (5, 'z', 5, '2024-01-01')`)

	reads := newValve(t, server, 900<<10, "killed", "altered")
	s.through(t, reads, server)
	_, stop := s.work(t)
	run := s.start(t)
	reads.Await(t, 2)
	s.requireInTheMiddle(t, 2)
	s.alterBetweenChunks(t, acme, reads)
	require.NoError(t, server.Kill())
	reads.Cut()
	require.NoError(t, server.Start())
	require.NoError(t, s.wait(t, run))

	l := s.lake(t)
	for _, name := range []string{"killed", "altered"} {
		require.Equal(t, acme.rows(t, "select id, a, b from "+name+" order by id"), s.query(t, l, "select id, a, b from "+name+" order by id"), name)
	}
	const counts = "select table_name, status, rows_read, rows_deduped, rows_quarantined, rows_staged from sync_runs order by table_name, started_at"
	first := []string{"altered|ok|80000|0|0|80000", "doubled|ok|5|1|1|3", "killed|ok|80000|0|0|80000"}
	require.Equal(t, first, s.query(t, l, counts))
	const codes = "select n, code, v from doubled order by code"
	require.Equal(t, []string{"2|x|2", "4|y|4", "5|z|5"}, s.query(t, l, codes), "of the newest cursor, and the same one each time")
	left, err := filepath.Glob(filepath.Join(s.dir, "scratch/worker-*/*-*"))
	require.NoError(t, err)
	require.Empty(t, left)
	s.requireReplayable(t, "source killed")
	stop()
}

// alterBetweenChunks alters the table whose read is held: the server does so between the chunk that is being read and the next one.
func (s *stack) alterBetweenChunks(t *testing.T, acme tenant, reads *valve) {
	t.Helper()
	altered := make(chan error, 1)
	db := acme.server.Open(t, acme.Database)
	go func() {
		_, err := db.Exec("alter table altered rename column a to b, rename column b to a")
		altered <- err
	}()
	require.Eventually(t, func() bool {
		return acme.rows(t, "select count(*) from information_schema.processlist where state = 'Waiting for table metadata lock'")[0] == "1"
	}, 2*time.Minute, 20*time.Millisecond, "the alteration waits for the read")
	reads.Open("altered")
	require.NoError(t, <-altered)
}
