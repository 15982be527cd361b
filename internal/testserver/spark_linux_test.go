package testserver_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tributary/internal/testserver"
)

// The child is this test binary with one of its tests, killed once that has its Spark.
func TestSparkEndsWithAKilledTestBinaryAndLeavesNoFolder(t *testing.T) {
	temp := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestSparkRunsDeltaStatementsAndSharesItsFolder$")
	child.Env = append(os.Environ(), "TMPDIR="+temp, "TRIBUTARY_TEST_SPARK=", testserver.SparkShareEnv+"=")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	eventually(t, "the child's test has a folder at its Spark", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the child ended by itself: %v", err)
		default:
		}
		return len(glob(t, filepath.Join(temp, "tributary-spark-*", "staging", "test-*"))) > 0
	})
	if !processNames(t, temp) {
		t.Fatal("no process has the folder in its arguments")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Spark has ended", func() bool { return !processNames(t, temp) })
	eventually(t, "its folder is removed", func() bool { return len(glob(t, filepath.Join(temp, "tributary-spark-*"))) == 0 })
}

// processNames says whether text is in the arguments of a running process.
func processNames(t *testing.T, text string) bool {
	t.Helper()
	for _, path := range glob(t, "/proc/[0-9]*/cmdline") {
		arguments, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(arguments), text) { // otherwise it has ended
			return true
		}
	}
	return false
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 3 minutes: %s", what)
		}
	}
}
