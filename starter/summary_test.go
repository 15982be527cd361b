package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestWhatRanAfterTheSyncIsPrinted(t *testing.T) {
	summary := table.Summary{Clients: 2, OK: 2, After: []table.AfterResult{
		{Name: "gold", Status: table.StatusFailed, Took: 93 * time.Second, Error: "run 7 of the job ended as failed:\nTask gold failed", URL: "https://workspace/jobs/1/runs/7"},
		{Name: "mail", Status: table.StatusSkipped, Error: "gold, which it comes after, was not ok (failed)"},
		{Name: "views", Status: table.StatusOK, Took: 1250 * time.Millisecond},
	}}
	got, err := printed(t, outputTable, func(a *app) error {
		return a.printResult(result{WorkflowID: "sync/daily", Status: table.StatusFailed, Seconds: 95, Summary: summary})
	})
	require.Equal(t, codeFailed, exitCode(t.Context(), err))
	golden(t, "summary_after", got)
}
