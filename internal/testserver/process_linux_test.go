package testserver_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"tributary/internal/testserver"
)

const childEnv = "TRIBUTARY_TESTSERVER_CHILD"

// TestMain lets the test binary start itself as a child that only owns a server.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := testserver.StartMariaDB(testserver.Private())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Port)
	select {} // until killed
}

func TestServersDieWithAKilledTestBinary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // the child cannot clean up after itself
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	port, portErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || portErr != nil {
		_ = child.Process.Kill()
		t.Fatalf("the child said %q, %v", line, err)
	}
	wantListening(t, port, true)

	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"

	eventually(t, "the server has ended", func() bool {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
}
