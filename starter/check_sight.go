package main

// sightHints says what guards a client's rows less than it could. Only tables with a cursor have windows.
func sightHints(report clientReport) (hints []string) {
	windows := false
	for _, t := range report.tables {
		windows = windows || t.spec.Cursor != ""
	}
	if !windows {
		return nil
	}
	sight := report.sight
	if !sight.Transactions {
		hints = append(hints, "its user does not see open transactions, so rows that are committed later than their cursor by more than the overlap are missed; "+
			"GRANT PROCESS ON *.* to it, or give tables an overlap longer than any transaction")
	}
	if sight.Replica && sight.Stopped != "" {
		hints = append(hints, sight.Stopped)
	}
	if sight.Replica {
		hints = append(hints, "its server is a replica, which does not show its primary's open transactions; give tables an overlap longer than any transaction")
	}
	return hints
}
