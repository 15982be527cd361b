package testserver_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tributary/internal/testserver"
)

func TestRootHasTheModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(testserver.Root(t), "internal", "testserver")); err != nil {
		t.Fatal(err)
	}
}

func TestPythonReadsDelta(t *testing.T) {
	out, err := testserver.PythonCommand(t, "import deltalake; print(deltalake.__version__)").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		t.Fatalf("%v: %s", err, out)
	}
}

// The fatal helpers end the test; recorder keeps what they said.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) {
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			r.said = err.Error()
			if !errors.Is(err, testserver.ErrMissing) {
				r.said = "not ErrMissing: " + r.said
			}
		}
	}
	panic(r)
}

func TestErrMissingSaysWhatToInstall(t *testing.T) {
	for name, tc := range map[string]struct {
		env  string
		call func(testing.TB)
		want string
	}{
		"no such Python":           {"no-such-python", func(tb testing.TB) { testserver.Python(tb) }, "pip install deltalake pyarrow"},
		"a Python without its own": {"/bin/false", func(tb testing.TB) { testserver.Python(tb) }, "pip install deltalake pyarrow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TRIBUTARY_TEST_PYTHON", tc.env)
			r := &recorder{TB: t}
			func() {
				defer func() { _ = recover() }()
				tc.call(r)
			}()
			if strings.HasPrefix(r.said, "not ErrMissing") || !strings.Contains(r.said, tc.want) {
				t.Fatalf("said %q, want ErrMissing with %q", r.said, tc.want)
			}
		})
	}
}

func wantInError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error = %v, want one with %q", err, want)
	}
}
