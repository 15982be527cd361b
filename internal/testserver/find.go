package testserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// ErrMissing is wrapped by every error about something that has to be installed first.
var ErrMissing = errors.New("not installed")

// Root returns the folder of module tributary, above the test's working directory: the place of
// bin/, config/example and docker-compose.yml.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := root()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

func root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module tributary\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of module tributary in or above %s: run the test inside the repository", start)
		}
	}
}

// Python returns the path of an interpreter that has deltalake and pyarrow: the one that
// TRIBUTARY_TEST_PYTHON names, the one that tests/provision.sh made in .cache/venv, or python3.
func Python(tb testing.TB) string {
	tb.Helper()
	path, err := findPython()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// PythonCommand is a run of a Python program, given as its text, by Python's interpreter. It ends without
// the interpreter's teardown: Arrow's threads abort some programs there that have done their work
// (apache/arrow#34314).
func PythonCommand(tb testing.TB, program string, args ...string) *exec.Cmd {
	tb.Helper()
	const end = "\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n"
	return exec.CommandContext(tb.Context(), Python(tb), append([]string{"-c", program + end}, args...)...)
}

var pythons sync.Map // paths of interpreters that were found to have both

func findPython() (string, error) {
	name := os.Getenv("TRIBUTARY_TEST_PYTHON")
	if name == "" {
		name = "python3"
		if dir, err := root(); err == nil {
			if venv := filepath.Join(dir, ".cache", "venv", "bin", "python"); isFile(venv) {
				name = venv
			}
		}
	}
	const advice = "run tests/provision.sh, or name an interpreter with `pip install deltalake pyarrow` in TRIBUTARY_TEST_PYTHON"
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("python %q: %w: %s", name, ErrMissing, advice)
	}
	if _, ok := pythons.Load(path); ok {
		return path, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-c", "import deltalake, os, pyarrow; os._exit(0)").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("python %s without deltalake and pyarrow (%w): %w: %s\n%s", path, err, ErrMissing, advice, out)
	}
	pythons.Store(path, true)
	return path, nil
}

// findProgram looks in dirs first, then in the PATH.
func findProgram(name string, dirs ...string) (string, bool) {
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); isFile(path) {
			return path, true
		}
	}
	path, err := exec.LookPath(name)
	return path, err == nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func randomInt(n int) int { return rand.IntN(n) }

// tail returns the end of a log, for an error message.
func tail(path string) string {
	const most = 3000
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
