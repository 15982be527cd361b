package mariadb

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

const benchRows = 300_000

// BenchmarkRead compares what Extract takes with the floor: the driver reading the same rows and dropping them.
func BenchmarkRead(b *testing.B) {
	client := table.Client{ID: "acme", Host: server.Host, Port: server.Port, User: server.User, Database: server.Database(b, "bench")}
	server.ExecIn(b, client.Database, "create table t (id bigint unsigned primary key, name varchar(32) not null, amount decimal(12,2) not null,"+
		" ratio double, note varchar(255), at timestamp(6) not null, made datetime(6) not null, day date not null)",
		"insert into t select seq, concat('name ', seq), seq / 7, seq / 3, if(seq % 4 = 0, null, concat('note for ', seq)), "+
			"'2024-01-01 10:00:00.123456', '2024-01-01 10:00:00.5', '2024-02-29' from seq_1_to_300000")
	s, err := Open(client, server.Password)
	require.NoError(b, err)
	defer s.Close()
	spec := table.Spec{Name: "t"}
	planned, err := s.Plan(b.Context(), []table.Spec{spec})
	require.NoError(b, err)
	require.NoError(b, planned[0].Err)

	b.Run("drain", func(b *testing.B) {
		for b.Loop() {
			require.Equal(b, benchRows, drainTable(b, s))
		}
	})
	b.Run("extract", func(b *testing.B) {
		dir := b.TempDir()
		for b.Loop() {
			raw, err := s.Extract(b.Context(), ExtractRequest{Spec: spec, Plan: planned[0].Plan, Dir: dir})
			require.NoError(b, err)
			require.EqualValues(b, benchRows, raw.Rows)
		}
	})
}

func drainTable(b *testing.B, s *Source) (count int) {
	conn, err := s.connector.Connect(context.Background())
	require.NoError(b, err)
	defer conn.Close()
	stmt, err := conn.(driver.ConnPrepareContext).PrepareContext(b.Context(), "SELECT * FROM t")
	require.NoError(b, err)
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(b.Context(), nil)
	require.NoError(b, err)
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return count
		}
		require.NoError(b, err)
		count++
	}
}
