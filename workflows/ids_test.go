package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/workflows"
)

func TestIDsAreOneWordForAShell(t *testing.T) {
	ref := table.Ref{Client: "acme", Table: "orders"}
	for want, mode := range map[string]workflows.Mode{
		"backfill/acme/orders/2026-01-01T00:00:00.000000..": {From: "2026-01-01 00:00:00.000000"},
		"backfill/acme/orders/2026-01-01..2026-02-01":       {From: "2026-01-01", To: "2026-02-01"},
		"backfill/acme/orders/..50":                         {To: "50"},
	} {
		require.Equal(t, want, workflows.BackfillID(ref, mode))
	}
}
