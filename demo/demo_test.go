package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/lake/open"
	"tributary/internal/testserver"
)

// TestDemo runs the tour twice into one folder, and has delta-rs read what it left.
func TestDemo(t *testing.T) {
	root := testserver.Root(t)
	dir := filepath.Join(t.TempDir(), "tour")
	program := filepath.Join(root, "bin", "temporal")
	if _, err := os.Stat(program); err != nil {
		program = "" // then the one in the PATH
	}
	var told bytes.Buffer
	for range 2 {
		told.Reset()
		require.NoError(t, run(t.Context(), options{once: true, dir: dir, temporal: program}, newPage(&told, false)))
	}
	compare, err := os.ReadFile(filepath.Join(root, "tests", "demo_check.py"))
	require.NoError(t, err)
	check := func() (string, error) {
		out, err := testserver.PythonCommand(t, string(compare), dir).CombinedOutput()
		return string(out), err
	}

	t.Run("OKOutput", func(t *testing.T) {
		assert.LessOrEqual(t, strings.Count(told.String(), "\n"), 60)
		assert.NotContains(t, told.String(), "\x1b", "colours without a terminal")
		assert.NotContains(t, told.String(), "level=")
	})
	t.Run("OKReadByDeltaRS", func(t *testing.T) {
		out, err := check()
		require.NoError(t, err, out)
		assert.Equal(t, len(tableNames), strings.Count(out, "rows equal"), out)
	})
	t.Run("OKSecretsStaySecret", func(t *testing.T) { assertSecret(t, dir) })
	t.Run("ErrOtherShops", func(t *testing.T) {
		cfg, err := config.Load(filepath.Join(dir, "config"))
		require.NoError(t, err)
		central, err := open.Lake(t.Context(), cfg.Lake)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, central.Close()) })
		shops := newShops() // as they were before the day of trade, and most of them without a row
		for _, s := range shops {
			s.customers = 3
			openShop(t, s)
		}
		for _, name := range tableNames {
			_, err := verify(t.Context(), central, name, "", shops)
			assert.ErrorContains(t, err, "that no shop has", name)
		}
	})
	t.Run("ErrChangedSource", func(t *testing.T) {
		path := filepath.Join(dir, "sources", "fjord", "products.jsonl")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		changed := bytes.Replace(text, []byte(`"price":"`), []byte(`"price":"9`), 1)
		require.NotEqual(t, text, changed)
		require.NoError(t, os.WriteFile(path, changed, 0o600))
		out, err := check()
		require.Error(t, err)
		assert.Contains(t, out, "products: 1 rows of the sources are not in the lake, 1 of the lake in no source")
	})
}

// assertSecret checks that no secret is in any file but its own.
func assertSecret(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "secrets", "*"))
	require.NoError(t, err)
	require.Len(t, files, 7)
	var secrets [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		secrets = append(secrets, bytes.TrimSpace(text))
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Dir(path) == filepath.Join(dir, "secrets") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			assert.False(t, bytes.Contains(text, secret), "a secret is in %s", path)
		}
		return err
	})
	require.NoError(t, err)
}

func openShop(t *testing.T, s *shop) {
	t.Helper()
	require.NoError(t, s.open("a password"))
	t.Cleanup(func() { assert.NoError(t, s.Server.Close()) })
	require.NoError(t, s.fill(t.Context()))
}

// TestShop_SameRows holds two shops of one seed against each other.
func TestShop_SameRows(t *testing.T) {
	var dumps [2]string
	for i := range dumps {
		s, f := newShops()[5], folder{path: t.TempDir()}
		openShop(t, s)
		require.NoError(t, dump(t.Context(), f, s))
		for _, name := range tableNames {
			text, err := os.ReadFile(f.in("sources", s.Client, name+".jsonl"))
			require.NoError(t, err)
			dumps[i] += string(text)
		}
	}
	assert.NotEmpty(t, dumps[0])
	assert.Equal(t, dumps[0], dumps[1])
}

func TestPrepareFolder(t *testing.T) {
	t.Run("OKNew", func(t *testing.T) {
		f, err := prepareFolder(filepath.Join(t.TempDir(), "a", "b"))
		require.NoError(t, err)
		assert.DirExists(t, f.in("config"))
	})
	t.Run("OKReplacesItsOwn", func(t *testing.T) {
		f, err := prepareFolder(t.TempDir())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(f.in("config", "old.yaml"), nil, 0o600))
		require.NoError(t, os.WriteFile(f.in("notes.txt"), nil, 0o600))
		_, err = prepareFolder(f.path)
		require.NoError(t, err)
		assert.NoFileExists(t, f.in("config", "old.yaml"))
		assert.FileExists(t, f.in("notes.txt"), "not the demo's")
	})
	t.Run("ErrNotItsOwn", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "lake"), 0o700))
		_, err := prepareFolder(dir)
		require.ErrorContains(t, err, "no earlier demo made it")
		assert.DirExists(t, filepath.Join(dir, "lake"))
	})
	t.Run("ErrFile", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		_, err := prepareFolder(file)
		assert.ErrorContains(t, err, "name another folder")
	})
}

// TestStartTemporal_OKPortTaken has the first server find that somebody took its port.
func TestStartTemporal_OKPortTaken(t *testing.T) {
	installed, err := findTemporal(filepath.Join(testserver.Root(t), "bin", "temporal"))
	if err != nil {
		installed, err = findTemporal("")
	}
	require.NoError(t, err)
	dir := t.TempDir()
	program, tried := filepath.Join(dir, "temporal"), filepath.Join(dir, "tried")
	script := fmt.Sprintf("#!/bin/sh\n[ -e '%[1]s' ] && exec '%[2]s' \"$@\"\necho 'listen tcp 127.0.0.1:8233: bind: address already in use' >&2\n: >'%[1]s'\nexit 1\n", tried, installed)
	require.NoError(t, os.WriteFile(program, []byte(script), 0o700))

	s, err := startTemporal(t.Context(), options{once: true, temporal: program}, folder{path: dir}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	assert.FileExists(t, tried)
	assert.NoError(t, s.Stop())
}

func TestFindTemporal_ErrMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", "")
	_, err := findTemporal("")
	require.ErrorContains(t, err, "run tests/provision.sh temporal")
	_, err = findTemporal("no-such-program")
	assert.ErrorContains(t, err, "no-such-program")
}
