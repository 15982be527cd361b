package tests

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

// failingGo stands for go: what it installs is cut off the first time, and then waits for a file.
const failingGo = `#!/bin/sh
case $1 in
version) printf '\tmod\t%s\t%s\th1:\n' "$MODULE" "$(cat "$FOLDER/installed")" ;;
install)
	echo "${2##*@}" >>"$FOLDER/calls"
	[ "$(wc -l <"$FOLDER/calls")" -gt 1 ] || exit 1
	for wait in $(seq 600); do [ -e "$FOLDER/arrives" ] || sleep 0.1; done
	[ -e "$FOLDER/arrives" ] || exit 1
	echo "${2##*@}" >"$FOLDER/installed"
	mkdir -p "$GOBIN" && cp "$0" "$GOBIN/golangci-lint"
	;;
esac
`

func TestProvisioningTriesAgainAndInstallsOnce(t *testing.T) {
	folder := t.TempDir()
	script, err := os.ReadFile(filepath.Join(testserver.Root(t), "tests", "provision.sh"))
	require.NoError(t, err)
	for name, text := range map[string]string{"tests/provision.sh": string(script), "path/go": failingGo} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700))
	}
	start := func() (*exec.Cmd, *bufio.Scanner) {
		cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "tests", "provision.sh"), "golangci-lint")
		cmd.Env = append(os.Environ(), "PATH="+filepath.Join(folder, "path")+":"+os.Getenv("PATH"), "FOLDER="+folder,
			"MODULE=github.com/golangci/golangci-lint/v2", "PROVISION_PAUSE=0")
		said, err := cmd.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		return cmd, bufio.NewScanner(said)
	}
	says := func(lines *bufio.Scanner, text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		require.Fail(t, "it ended and did not say "+text)
	}

	first, said := start()
	says(said, "that failed: trying again")
	second, saidBeside := start()
	says(saidBeside, "waiting for another run")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "arrives"), nil, 0o600))
	require.NoError(t, first.Wait())
	require.NoError(t, second.Wait())
	calls, err := os.ReadFile(filepath.Join(folder, "calls"))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(calls), "\n"), "the second run found what the first had installed")
}
