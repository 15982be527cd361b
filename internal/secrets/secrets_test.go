package secrets

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestResolve(t *testing.T) {
	t.Setenv("SECRETS_TEST", "s3cret\n")
	for name, c := range map[string]struct{ ref, want string }{
		"OK env, as it is":           {"env:SECRETS_TEST", "s3cret\n"},
		"OK file":                    {"file:" + write(t, "s3cret"), "s3cret"},
		"OK file with line break":    {"file:" + write(t, "s3cret\n"), "s3cret"},
		"OK file from Windows":       {"file:" + write(t, "s3cret\r\n"), "s3cret"},
		"OK only the last break":     {"file:" + write(t, "a\nb\n\n"), "a\nb\n"},
		"OK spaces belong to it":     {"file:" + write(t, " a "), " a "},
		"OK largest file":            {"file:" + write(t, strings.Repeat("x", maxFile)), strings.Repeat("x", maxFile)},
		"OK path with a colon in it": {"file:" + rename(t, "a:b"), "x"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Check(c.ref))
			got, err := Resolve(context.Background(), c.ref)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func rename(t *testing.T, name string) string {
	old := write(t, "x")
	path := filepath.Join(filepath.Dir(old), name)
	require.NoError(t, os.Rename(old, path))
	return path
}

func TestResolveMissing(t *testing.T) {
	t.Setenv("SECRETS_EMPTY", "")
	folder := t.TempDir()
	for name, c := range map[string]struct{ ref, says string }{
		"ErrNotFound env":        {"env:SECRETS_TEST_UNSET", "set the environment variable SECRETS_TEST_UNSET"},
		"ErrNotFound empty env":  {"env:SECRETS_EMPTY", "set but empty"},
		"ErrNotFound file":       {"file:" + folder + "/none", "no such file"},
		"ErrNotFound folder":     {"file:" + folder, "a folder"},
		"ErrNotFound empty file": {"file:" + write(t, "\n"), "the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Check(c.ref), "the reference itself is well-formed")
			_, err := Resolve(context.Background(), c.ref)
			require.ErrorIs(t, err, ErrNotFound)
			require.ErrorContains(t, err, c.ref)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestResolveRefusesTheWrongFileWithoutShowingIt(t *testing.T) {
	_, err := Resolve(context.Background(), "file:"+write(t, strings.Repeat("hunter2 ", maxFile)))
	require.ErrorContains(t, err, "larger than")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestCheckRefusesPlainTextWithoutShowingIt(t *testing.T) {
	for _, ref := range []string{"", "hunter2", "hunter2:rest", "ENV:hunter2", "env:", "env:hunter2 x", "env:hunter2-x", "env: hunter2", "file:", "file:hunter2\nx", " env:hunter2", "databricks:", "databricks:hunter2", "databricks:/hunter2", "databricks:hunter2/", "databricks:a/hunter2/b", "databricks:a b/hunter2", "https://hunter2@host"} {
		t.Run(ref, func(t *testing.T) {
			_, resolved := Resolve(context.Background(), ref)
			for _, err := range []error{Check(ref), resolved} {
				require.ErrorIs(t, err, ErrReference)
				require.NotContains(t, err.Error(), "hunter2")
			}
		})
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	t.Setenv("SECRETS_TEST", "hunter2")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Resolve(ctx, "env:SECRETS_TEST")
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "hunter2")
}
