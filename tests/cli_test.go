package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/testserver"
)

// commandLine is the built command line over a stack.
type commandLine struct{ program, dir string }

func newCommandLine(t *testing.T, s *stack) commandLine {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tributary")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "duckdb_arrow", "-o", program, filepath.Join(testserver.Root(t), "starter")).CombinedOutput()
	require.NoError(t, err, string(out))
	return commandLine{program, s.dir}
}

// run runs a command and returns its exit code and what it printed.
func (c commandLine) run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program, append([]string{"-c", c.dir}, args...)...)
	var outText, errText strings.Builder
	cmd.Stdout, cmd.Stderr, cmd.Env = &outText, &errText, append(os.Environ(), "NO_COLOR=1")
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), outText.String(), errText.String()
}

// ok runs a command that must end with 0, and returns its standard output.
func (c commandLine) ok(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errOut := c.run(t, args...)
	require.Zero(t, code, "%v: %s%s", args, out, errOut)
	return out
}

func TestTheCommandLineTellsHowThingsAre(t *testing.T) {
	t.Parallel()
	s := newStack(t, dailySync)
	s.startWorker(t)
	c := newCommandLine(t, s)

	require.Contains(t, c.ok(t, "check"), "no faults")
	require.Contains(t, c.ok(t, "status"), "never")
	require.Contains(t, c.ok(t, "table", "create"), "orders")
	require.Contains(t, c.ok(t, "run", "daily"), "ok")
	require.Equal(t, "region,n\nap,3996\neu,3996\nus,3996\n", c.ok(t, "query", "SELECT region, count(*) AS n FROM orders GROUP BY ALL ORDER BY ALL", "-o", "csv"),
		"two of each client's 2,000 are quarantined")

	var log []struct {
		Client, Table, Status string
		RunID                 string `json:"run_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(c.ok(t, "status", "-o", "json")), &log))
	require.Len(t, log, 24)
	require.Equal(t, "ok", log[0].Status)

	_, _, said := c.run(t, "schedule", "apply")
	require.Contains(t, said, "schedule", "that there is none is said")
	c.ok(t, "backfill", "daily", "--table", "events", "--client", "acme", "--from", "1", "--to", "50")
	require.Equal(t, "n\n49\n", c.ok(t, "query", "SELECT rows_read AS n FROM sync_runs WHERE backfill", "-o", "csv"))

	t.Run("central tables are listed, described, compared and have a history", func(t *testing.T) {
		require.Contains(t, c.ok(t, "table", "diff"), "no differences", "a run leaves nothing that differs")
		require.Regexp(t, `central +orders +11,988 `, c.ok(t, "table", "list"))
		require.Regexp(t, `rows +11,988\n`, c.ok(t, "table", "describe", "orders"))
		var commits []lake.Commit
		require.NoError(t, json.Unmarshal([]byte(c.ok(t, "history", "orders", "--limit", "0", "-o", "json")), &commits))
		require.Equal(t, "CREATE TABLE", commits[len(commits)-1].Operation)
		var inserted int
		for _, commit := range commits[:len(commits)-1] {
			require.Equal(t, "MERGE", commit.Operation)
			n, err := strconv.Atoi(commit.Metrics["numTargetRowsInserted"])
			require.NoError(t, err)
			inserted += n
		}
		require.Equal(t, 11988, inserted)
		require.Contains(t, c.ok(t, "history", "orders"), "acme")
	})
	t.Run("too many deletes are refused, with the command that allows them", func(t *testing.T) {
		acme := s.clients[0]
		acme.server.ExecIn(t, acme.Database, "delete from orders where id > 500")
		code, out, _ := c.run(t, "run", "daily", "--client", "acme", "--table", "orders")
		require.Equal(t, 2, code, out)
		const again = "run daily --client acme --table orders --allow-deletes"
		require.Contains(t, out, "1500 of its 1998 rows (75.1 %)")
		require.Contains(t, out, "tributary "+again)
		c.ok(t, strings.Fields(again)...)
		require.Equal(t, "n\n498\n", c.ok(t, "query", "SELECT count(*) AS n FROM orders WHERE client_id = 'acme'", "-o", "csv"))
	})
	t.Run("exit code 1 for what was never started", func(t *testing.T) {
		for _, args := range [][]string{{"run", "dayly"}, {"run", "daily", "--client", "acm"}, {"query", "DROP TABLE orders"}, {"status", "--nonsense"}} {
			code, out, errOut := c.run(t, args...)
			require.Equal(t, 1, code, "%v", args)
			require.Empty(t, out)
			require.NotEmpty(t, errOut)
		}
	})
	t.Run("exit code 4 while it runs, 3 when it was cancelled", func(t *testing.T) {
		acme := s.clients[0]
		db := acme.server.Open(t, acme.Database)
		lock, err := db.Conn(t.Context())
		require.NoError(t, err)
		_, err = lock.ExecContext(t.Context(), "lock tables stock write") // the run waits for it
		require.NoError(t, err)
		c.ok(t, "run", "daily", "--detach")
		code, _, errOut := c.run(t, "run", "daily")
		require.Equal(t, 4, code, errOut)
		watching := exec.CommandContext(t.Context(), c.program, "-c", c.dir, "watch", "daily")
		progress, err := watching.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, watching.Start())
		_, err = io.ReadFull(progress, make([]byte, 1))
		require.NoError(t, err, "it tells no progress")
		c.ok(t, "cancel", "daily")
		require.NoError(t, lock.Close())
		_, err = io.Copy(io.Discard, progress)
		require.NoError(t, err)
		require.Error(t, watching.Wait())
		require.Equal(t, 3, watching.ProcessState.ExitCode())
	})
	t.Run("exit code 2 and a name when a client is down", func(t *testing.T) {
		require.NoError(t, s.servers["us"].Stop())
		code, out, errOut := c.run(t, "run", "daily", "--region", "us")
		require.Equal(t, 2, code, errOut)
		require.Contains(t, out, "brio")
		code, out, _ = c.run(t, "check", "-o", "json")
		require.Equal(t, 1, code)
		require.True(t, json.Valid([]byte(out)), out)
		require.Contains(t, out, `"client": "brio"`)
	})
}
