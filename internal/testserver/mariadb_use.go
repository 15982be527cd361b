package testserver

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"tributary/internal/table"
)

// Exec runs statements one after another on one connection, and fails the test at the first error.
// Every string may hold several statements, separated by semicolons.
func (s *Server) Exec(tb testing.TB, statements ...string) {
	tb.Helper()
	s.ExecIn(tb, "", statements...)
}

// ExecIn is Exec in a database.
func (s *Server) ExecIn(tb testing.TB, database string, statements ...string) {
	tb.Helper()
	cfg := s.config(database)
	cfg.MultiStatements = true
	db, err := sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			tb.Fatalf("%v\nin: %.500s", err, statement)
		}
	}
}

// Open returns a handle on a database (or on none), closed with the test.
func (s *Server) Open(tb testing.TB, database string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("mysql", s.DSN(database))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// Database creates an empty utf8mb4 database whose name begins with prefix and is unique, so that
// tests can share a server, and drops it after the test if the server still runs.
func (s *Server) Database(tb testing.TB, prefix string) string {
	tb.Helper()
	name := fmt.Sprintf("%s_%08x", prefix, randomInt(1<<32))
	quoted := table.Quote(name, table.Backtick)
	s.Exec(tb, "CREATE DATABASE "+quoted+" CHARACTER SET utf8mb4")
	tb.Cleanup(func() {
		if s.process == nil || !s.process.exited() {
			s.Exec(tb, "DROP DATABASE IF EXISTS "+quoted)
		}
	})
	return name
}
