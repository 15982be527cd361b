package mariadb

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/arrowfile"
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

// BenchmarkRow is the decoder alone: rows as the server sends them, from memory into record batches.
func BenchmarkRow(b *testing.B) {
	database := server.Database(b, "bench")
	server.ExecIn(b, database, "create table t (id bigint unsigned primary key, client varchar(32) not null, customer bigint not null, "+
		"status enum('new','paid') not null, amount decimal(12,2) not null, tax decimal(12,4), quantity int not null, discount double, note varchar(255), "+
		"gift tinyint(1) not null, ordered date not null, created datetime(6) not null, updated timestamp(6) not null, payload longtext, sku char(12) not null)",
		"insert into t select seq, 'acme', seq * 7919 % 100003, elt(1 + seq % 2, 'new', 'paid'), (seq * 37 % 1000000) / 100, if(seq % 5 = 0, null, seq / 7), seq % 17, "+
			"if(seq % 3 = 0, null, seq / 7), if(seq % 4 = 0, null, concat('note for order ', seq, ' – café')), seq % 2, date_add('2020-01-01', interval seq % 2000 day), "+
			"date_add('2020-01-01', interval seq second), date_add('2024-01-01', interval seq * 3 second), concat('{\"k\":', seq, '}'), lpad(seq, 12, '0') from seq_1_to_10000")
	s, err := Open(table.Client{ID: "acme", Host: server.Host, Port: server.Port, User: server.User, Database: database}, server.Password)
	require.NoError(b, err)
	defer s.Close()
	planned, err := s.Plan(b.Context(), []table.Spec{{Name: "t"}})
	require.NoError(b, err)
	conn, err := s.connector.Connect(b.Context())
	require.NoError(b, err)
	defer conn.Close()
	packets := &packets{}
	require.NoError(b, stream(b.Context(), conn, "SELECT * FROM t", nil, packets, func() {}))

	plan := planned[0].Plan
	c := newConverters(ExtractRequest{Plan: plan}, time.UTC, arrowSchema(plan.Columns), &arrowfile.Pool{})
	require.NoError(b, c.bind(packets.columns))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.append(packets.rows[i%len(packets.rows)]); err != nil {
			b.Fatal(err)
		}
		if c.full() {
			batch, err := c.flush()
			if err != nil {
				b.Fatal(err)
			}
			batch.Release()
		}
	}
}

// packets is a rowSink that keeps all.
type packets struct {
	columns []field
	rows    [][]byte
}

func (p *packets) bind(columns []field) error { p.columns = columns; return nil }

func (p *packets) append(row []byte) error {
	p.rows = append(p.rows, bytes.Clone(row))
	return nil
}
