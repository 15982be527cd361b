package testserver_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"

	"tributary/internal/testserver"
)

func TestMariaDBStartsWithAnAccountThatMayDoAnything(t *testing.T) {
	s := testserver.MariaDB(t)
	name := s.Database(t, "shop")
	s.ExecIn(t, name, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2)", "CREATE USER reader@'%' IDENTIFIED BY 'x'", "DROP USER reader@'%'")

	var sum int
	if err := s.Open(t, name).QueryRow("SELECT sum(a) FROM t").Scan(&sum); err != nil || sum != 3 {
		t.Fatalf("sum = %d, %v; want 3", sum, err)
	}
}

func TestDatabasesOfOnePrefixAreDistinctAndDroppedAfterTheTest(t *testing.T) {
	s := testserver.MariaDB(t)
	var names []string
	t.Run("uses two", func(t *testing.T) {
		names = append(names, s.Database(t, "shop"), s.Database(t, "shop"))
		if names[0] == names[1] {
			t.Fatalf("both are called %s", names[0])
		}
	})
	var left int
	err := s.Open(t, "").QueryRow("SELECT count(*) FROM information_schema.schemata WHERE schema_name IN (?, ?)", names[0], names[1]).Scan(&left)
	if err != nil || left != 0 {
		t.Fatalf("%d databases are left, %v; want 0", left, err)
	}
}

func TestMariaDBKeepsPortAndRowsOver(t *testing.T) {
	s := testserver.MariaDB(t, testserver.Private())
	s.Exec(t, "CREATE DATABASE kept; CREATE TABLE kept.t (a int)")
	for name, end := range map[string]func() error{"Stop": s.Stop, "Kill": s.Kill} {
		t.Run(name, func(t *testing.T) {
			s.Exec(t, "INSERT INTO kept.t VALUES (1)")
			var before, after int
			if err := s.Open(t, "kept").QueryRow("SELECT count(*) FROM t").Scan(&before); err != nil {
				t.Fatal(err)
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if err := s.Open(t, "kept").Ping(); err == nil {
				t.Fatal("the server still answers")
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			if err := s.Open(t, "kept").QueryRow("SELECT count(*) FROM t").Scan(&after); err != nil || after != before {
				t.Fatalf("%d rows after, %v; want %d", after, err, before)
			}
		})
	}
	t.Run("Nobody else gets the port of a stopped one", func(t *testing.T) {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		address := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
		if l, err := net.ListenPacket("udp", address); err == nil {
			_ = l.Close()
			t.Fatalf("%s is not held", address)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("Start of a running one is an error", func(t *testing.T) {
		if err := s.Start(); err == nil {
			t.Fatal("it was started twice")
		}
	})
}

func TestWithArgsReachesTheServer(t *testing.T) {
	s := testserver.MariaDB(t, testserver.WithArgs("--max-connections=17"))
	var got int
	if err := s.Open(t, "").QueryRow("SELECT @@max_connections").Scan(&got); err != nil || got != 17 {
		t.Fatalf("max_connections = %d, %v; want 17", got, err)
	}
}

func TestStartMariaDBErrWrongArgumentShowsTheLog(t *testing.T) {
	_, err := testserver.StartMariaDB(testserver.WithArgs("--no-such-option"))
	if err == nil {
		t.Fatal("it started")
	}
	wantInError(t, err, "no-such-option")
}

func TestMariaDBFromEnvironment(t *testing.T) {
	own := testserver.MariaDB(t, testserver.Private())
	t.Run("OK", func(t *testing.T) {
		t.Setenv("TRIBUTARY_TEST_MARIADB", own.DSN(""))
		s := testserver.MariaDB(t)
		if s.Host != own.Host || s.Port != own.Port || s.User != own.User || s.Password != own.Password {
			t.Fatalf("got %+v, want the server of the variable, %+v", s, own)
		}
		s.Exec(t, "SELECT 1")
		for name, call := range map[string]func() error{"Start": s.Start, "Stop": s.Stop, "Kill": s.Kill} {
			if err := call(); !errors.Is(err, testserver.ErrExternal) {
				t.Errorf("%s = %v, want ErrExternal", name, err)
			}
		}
	})
	t.Run("Private is another server", func(t *testing.T) {
		t.Setenv("TRIBUTARY_TEST_MARIADB", own.DSN(""))
		if s := testserver.MariaDB(t, testserver.Private()); s.Port == own.Port {
			t.Fatal("it is the server of the variable")
		}
	})
	t.Run("ErrNotADSN", func(t *testing.T) {
		t.Setenv("TRIBUTARY_TEST_MARIADB", "localhost")
		_, err := testserver.StartMariaDB()
		wantInError(t, err, "TRIBUTARY_TEST_MARIADB")
	})
}

func wantListening(t *testing.T, port int, want bool) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		_ = conn.Close()
	}
	if got := err == nil; got != want {
		t.Fatalf("port %d answers: %v (%v), want %v", port, got, err, want)
	}
}
