package mariadb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// TestReplicasWatermarkIsNoLaterThanWhatArrived has two servers that replicate for real.
func TestReplicasWatermarkIsNoLaterThanWhatArrived(t *testing.T) {
	primary := testserver.MariaDB(t, testserver.WithArgs("--log-bin=log", "--server-id=1"))
	replica := testserver.MariaDB(t, testserver.WithArgs("--server-id=2", "--read-only=1"))
	name := primary.Database(t, "source")
	begin := func(delay int) {
		replica.Exec(t, fmt.Sprintf("change master to master_host='127.0.0.1', master_port=%d, master_user='%s', master_password='%s', master_use_gtid=slave_pos, master_delay=%d",
			primary.Port, primary.User, primary.Password, delay), "start slave")
	}
	primary.ExecIn(t, name, timed, "insert into t (at) values (utc_timestamp(6) - interval 1 hour)")
	begin(0)
	arrived := replica.Open(t, "") // once: each has a connection that stays, and the server takes no more than 151
	rows := func() (n int) {
		_ = arrived.QueryRow("select count(*) from `" + name + "`.t").Scan(&n) // the table may be still to come
		return n
	}
	arrive := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return rows() == n }, 2*time.Minute, 20*time.Millisecond)
	}
	arrive(1)

	f := &fixture{T: t, database: name, client: table.Client{ID: "acme", Host: replica.Host, Port: replica.Port, Database: name, User: replica.User}}
	read := func(watermark string) (table.Raw, string) {
		t.Helper()
		lookouts.Clear()
		raw, rows := f.run(byTime, watermark)
		return raw, column(rows, 0)
	}
	first, _ := read("")
	assert.Less(t, first.Watermark, first.Window.High)

	replica.Exec(t, "stop slave")
	begin(3600) // seconds behind
	primary.ExecIn(t, name, "insert into t values (2, utc_timestamp(6))")
	late, ids := read(first.Watermark)
	assert.Equal(t, "1", ids)
	replica.Exec(t, "stop slave")
	begin(0)
	arrive(2)
	_, ids = read(late.Watermark)
	assert.Equal(t, "1|2", ids, "what was on its way has a cursor before the clock, and not before the watermark")

	t.Run("OK stopped, and seen or declared to be a replica in each way", func(t *testing.T) {
		replica.Exec(t, "stop slave")
		primary.ExecIn(t, name, "insert into t values (3, utc_timestamp(6))")
		stopped, _ := read(late.Watermark)
		assert.Contains(t, strings.Join(stopped.Notes, " "), "replication is stopped")
		replica.Exec(t, "create user low@'%' identified by '"+replica.Password+"'", "grant select on *.* to low@'%'")
		f.client.User = "low"
		readOnly, _ := read(late.Watermark)
		replica.Exec(t, "set global read_only = 0")
		once, _ := read(late.Watermark)
		replica.Exec(t, "reset slave all", "set global gtid_slave_pos = ''")
		clock, _ := read(late.Watermark)
		f.client.Replica = true
		declared, _ := read(late.Watermark)
		for _, got := range []table.Raw{readOnly, once, declared} {
			assert.Equal(t, stopped.Watermark, got.Watermark)
		}
		assert.Equal(t, clock.Window.High, clock.Watermark)
		begin(0)
		arrive(3)
		_, ids := read(stopped.Watermark)
		assert.Contains(t, ids, "3")
	})
}

func TestReplicaWithoutRowsLearnsNothing(t *testing.T) {
	f := newFixture(t, timed)
	f.client.Replica = true
	raw, _ := f.run(byTime, "")
	assert.Empty(t, raw.Watermark)
}

// TestReplicasNewestRowInEachKindOfCursor has the newest row's cursor as the watermark, for DATETIME in the earliest meaning of a repeated hour.
func TestReplicasNewestRowInEachKindOfCursor(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, dt datetime(3) null, ts timestamp null, day date)",
		"set time_zone='+00:00'; insert into t values (1,'2024-07-01 12:00:00.125','2024-07-01 12:00:00','2024-07-01'),(2,'0000-00-00',null,null),"+
			"(3,'9999-12-31','2037-01-01','9999-12-31')")
	f.client.Replica, f.client.DatetimeZone = true, "Europe/Berlin"
	for cursor, want := range map[string]string{"dt": "2024-07-01 10:00:00.125000", "ts": "2024-07-01 12:00:00.000000", "day": "2024-07-01"} {
		raw, _ := f.run(table.Spec{Name: "t", Cursor: cursor}, "")
		assert.Equal(t, want, raw.Watermark, cursor)
	}
	f.exec("update t set dt = '2024-10-27 02:30:00' where id = 1")
	raw, _ := f.run(table.Spec{Name: "t", Cursor: "dt"}, "")
	assert.Equal(t, "2024-10-27 00:30:00.000000", raw.Watermark)
}
