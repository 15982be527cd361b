package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/mariadb"
	"tributary/internal/table"
)

func TestCheckSaysWhatGuardsRowsLess(t *testing.T) {
	of := func(sight mariadb.Sight, cursor string) string {
		return strings.Join(sightHints(clientReport{sight: sight, tables: []inspected{{spec: table.Spec{Cursor: cursor}}}}), "\n")
	}
	require.Empty(t, of(mariadb.Sight{Transactions: true}, "at"))
	require.Contains(t, of(mariadb.Sight{}, "at"), "GRANT PROCESS ON *.*")
	require.Empty(t, of(mariadb.Sight{Replica: true}, ""), "without a cursor there is no window")
	got := of(mariadb.Sight{Transactions: true, Replica: true, Stopped: "replication is stopped"}, "at")
	require.Contains(t, got, "is a replica")
	require.Contains(t, got, "replication is stopped")
}
