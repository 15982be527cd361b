package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/verify"
)

func TestDifferencesThatWereNotAllCountedAreAtLeast(t *testing.T) {
	r := verify.Report{
		Ref: table.Ref{Client: "acme", Table: "orders"}, Keys: []string{"id"},
		Differences: verify.Differences{Different: 100_001, More: true, Keys: []verify.Difference{{Key: []string{"1"}, Kind: verify.Different}}},
	}
	got, err := printed(t, outputTable, func(a *app) error { return a.printDifferences(r) })
	require.NoError(t, err)
	require.Contains(t, got, "100,001 with other values, 0 doubled in the lake\nat least: so many rows differ that no more were looked for\n")
	require.Contains(t, got, "and at least 100,000 more;")
	r.Differences.More = false
	got, err = printed(t, outputTable, func(a *app) error { return a.printDifferences(r) })
	require.NoError(t, err)
	require.NotContains(t, got, "at least")
}

func TestWhatARepairDidNotMendIsPrinted(t *testing.T) {
	r := verify.Report{Differences: verify.Differences{Different: 1}, Repair: &verify.Repair{Upserted: 1}}
	got, err := printed(t, outputTable, func(a *app) error { return a.printDifferences(r) })
	require.NoError(t, err)
	require.NotContains(t, got, "note")
	r.Repair.Note = "the versions were not mended"
	got, err = printed(t, outputTable, func(a *app) error { return a.printDifferences(r) })
	require.NoError(t, err)
	require.Contains(t, got, "\nnote: the versions were not mended\n")
}

func TestWhatLimitsAProofIsPrintedOncePerNote(t *testing.T) {
	of := func(client string, uncompared ...string) verify.Report {
		return verify.Report{Ref: table.Ref{Client: client, Table: "orders"}, Status: verify.StatusEqual, Notes: []string{"without a cursor"}, Uncompared: uncompared}
	}
	v := verified{Status: verify.StatusEqual, Tables: []verify.Report{of("a"), of("b", "colour"), of("c"), of("d"), of("e"), of("f")}}
	got, err := printed(t, outputTable, func(a *app) error { return a.printVerified(v) })
	require.NoError(t, err)
	require.Contains(t, got, "note: a/orders, b/orders, c/orders, d/orders, 2 more: without a cursor\n"+
		"note: b/orders: at one side only, and so not compared: colour\n")
}
