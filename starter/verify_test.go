package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/verify"
	"tributary/workflows"
)

// ended is how a command ended that ran beside the test.
type ended struct {
	code        int
	out, errOut string
}

func TestAVerificationIsWatchedAndCancelled(t *testing.T) {
	dir := configDir(t, map[string]string{"proof.yaml": testSync})
	lakeWorker(t, dir) // none reads the sources, so that it waits
	beside := func(args ...string) chan ended {
		done := make(chan ended, 1)
		go func() {
			code, out, errOut := tributary(t, dir, args...)
			done <- ended{code, out, errOut}
		}()
		return done
	}
	id := workflows.VerifyID("proof")
	verification := beside("verify", "proof", "-o", "json")
	require.Eventually(t, func() bool {
		running, err := isRunning(t.Context(), temporalServer.Client, id)
		return err == nil && running
	}, 2*time.Minute, 50*time.Millisecond)
	t.Cleanup(func() {
		_ = temporalServer.Client.TerminateWorkflow(context.WithoutCancel(t.Context()), id, "", "the test is over") // it has ended, unless the test failed
	})

	code, _, errOut := tributary(t, dir, "verify", "proof")
	require.Equal(t, codeRunning, code)
	require.Contains(t, errOut, "verify/proof is already running; watch it with: tributary watch proof --verify, cancel it with: tributary cancel proof --verify")
	for _, command := range []string{"watch", "cancel"} {
		code, _, errOut := tributary(t, dir, command, "proof")
		require.Equal(t, codeError, code)
		require.Contains(t, errOut, "nothing of sync proof is running but verify/proof; for that: tributary "+command+" proof --verify")
	}
	watched := beside("watch", "proof", "--id", id)
	code, out, errOut := tributary(t, dir, "cancel", "proof", "--verify")
	require.Equal(t, codeOK, code, errOut)
	require.Equal(t, "asked to stop: verify/proof\n", out)

	end := <-verification
	require.Equal(t, codeCancelled, end.code, end.errOut)
	var found verified
	require.NoError(t, json.Unmarshal([]byte(end.out), &found))
	require.Equal(t, table.StatusCancelled, found.Status)
	if end = <-watched; end.code != codeError { // it may have been cancelled before it was found
		require.Equal(t, codeCancelled, end.code, end.errOut)
		require.Contains(t, end.out, "verify/proof: cancelled")
	}
	code, _, errOut = tributary(t, dir, "watch", "proof", "--verify")
	require.Equal(t, codeError, code)
	require.Contains(t, errOut, "nothing of the verification of sync proof is running; start it with: tributary verify proof")
}

func TestAVerificationIsJudgedByItsClientTables(t *testing.T) {
	problem := func(status string) []table.Problem {
		return []table.Problem{{Client: "acme", Table: "orders", Status: status}}
	}
	for name, test := range map[string]struct {
		found verified
		want  string
		code  int
	}{
		"OK":               {verified{Status: verify.StatusEqual, Summary: table.Summary{OK: 1}}, verify.StatusEqual, codeOK},
		"ErrNothing":       {verified{Status: verify.StatusEqual}, table.StatusFailed, codeUncompared},
		"ErrNever":         {verified{Status: table.StatusFailed, Summary: table.Summary{OK: 1, Failed: 1, Problems: problem(verify.StatusNever)}}, table.StatusFailed, codeUncompared},
		"ErrDifferent":     {verified{Status: table.StatusFailed, Summary: table.Summary{Failed: 2, Problems: append(problem(table.StatusFailed), problem(verify.StatusDifferent)...)}}, verify.StatusDifferent, codeFailed},
		"ErrBeyondTheList": {verified{Status: table.StatusFailed, Summary: table.Summary{Failed: 2, Problems: problem(table.StatusFailed)}, Tables: []verify.Report{{Status: verify.StatusDifferent}}}, verify.StatusDifferent, codeFailed},
		"Cancelled":        {verified{Status: table.StatusCancelled}, table.StatusCancelled, codeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			test.found.judge()
			require.Equal(t, test.want, test.found.Status)
			_, err := printed(t, outputJSON, func(a *app) error { return a.printVerified(test.found) })
			require.Equal(t, test.code, exitCode(t.Context(), err))
		})
	}
}

func TestReportsThatCouldNotBeReadAreOfTablesThatAreEqual(t *testing.T) {
	reports := func(statuses ...string) (all []verify.Report) {
		for _, status := range statuses {
			all = append(all, verify.Report{Status: status})
		}
		return all
	}
	for _, test := range []struct {
		equal  int // by the summary
		tables []verify.Report
		want   int
	}{
		{2, reports(verify.StatusEqual, verify.StatusRepaired), 0},
		{3, reports(verify.StatusDifferent, verify.StatusDifferent, verify.StatusNever), 3},
		{2, reports(verify.StatusEqual, verify.StatusDifferent), 1},
	} {
		v := verified{Summary: table.Summary{OK: test.equal}, Tables: test.tables}
		require.Equal(t, test.want, v.unread())
	}
}

func TestExitCodesOfVerifyAreInTheHelpOfWhatWatchesIt(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"watch", "--help"}} {
		code, out, _ := tributary(t, ".", args...)
		require.Equal(t, codeOK, code)
		require.Contains(t, out, "failed; verify found a difference\n  3 ")
		require.Contains(t, out, "\n  5    verify found no difference, and could not compare something\n  130 ")
	}
	_, out, _ := tributary(t, ".", "run", "--help")
	require.Contains(t, out, "nothing was started\n  130 ")
}
