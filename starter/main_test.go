package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/testserver"
)

var updateGolden = flag.Bool("update", false, "write testdata/*.golden anew")

// temporalServer is shared by the tests of this package.
var temporalServer *testserver.DevServer

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if temporalServer, err = testserver.StartTemporal(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for name, value := range map[string]string{"TEMPORAL_ADDRESS": temporalServer.Address, "TEMPORAL_NAMESPACE": temporalServer.Namespace, "NO_COLOR": "1"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if err := temporalServer.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// tributary runs a command line as a user would, with the configuration in dir.
func tributary(t *testing.T, dir string, args ...string) (code int, out, errOut string) {
	t.Helper()
	return tributaryIn(t.Context(), dir, args...)
}

func tributaryIn(ctx context.Context, dir string, args ...string) (code int, out, errOut string) {
	var stdout, stderr bytes.Buffer
	code = execute(ctx, append([]string{"--config", dir}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

const testSettings = `
lake: {path: lake}
clients: {file: clients.yaml}
`

const testClients = `
regions: [ap, eu, us]
clients:
  - {id: acme, region: eu, host: 127.0.0.1, port: 1, database: acme, user: tributary}
  - {id: bolt, region: eu, host: 127.0.0.1, port: 1, database: bolt, user: tributary}
  - {id: cactus, region: us, host: 127.0.0.1, port: 1, database: cactus, user: tributary}
`

const testSync = `
schedule: {cron: "0 2 * * *", jitter: 5m}
target: {schema: central}
tables:
  - {name: orders, cursor: updated_at}
  - {name: kunden, target: customers}
`

// configDir writes a configuration directory: the files given, and the test's own for those that are missing.
func configDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{"tributary.yaml": testSettings, "clients.yaml": testClients}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		writeFile(t, dir, name, content)
	}
	return dir
}

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
}

func loadConfig(t *testing.T, dir string) *config.Config {
	t.Helper()
	cfg, err := config.Load(dir)
	require.NoError(t, err)
	return cfg
}

// golden compares text with testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *updateGolden {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
