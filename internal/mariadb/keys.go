package mariadb

import (
	"context"

	"tributary/internal/table"
)

// ExtractKeys reads, as Extract does, what tells the rows of one client table apart: of every row that its where
// passes, whatever the cursor, the columns of Plan.KeyPlan. Bounds of a backfill are ignored.
//
// Call it after the rows were extracted. It has a snapshot of its own, later than theirs: a row that is in neither is not at the
// source any more, and one that went in between is found missing by the next run. That holds on one server, and req.Server has to say on which
// the rows were read: another one behind the same address may lack rows that are there.
func (s *Source) ExtractKeys(ctx context.Context, req ExtractRequest) (table.Raw, error) {
	req.Plan = req.Plan.KeyPlan(req.Spec)
	req.Spec.Cursor, req.Spec.OnNullCursor = "", ""
	req.From, req.To = "", ""
	return s.Extract(ctx, req)
}
