package activities

import (
	"context"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"tributary/internal/mariadb"
	"tributary/internal/table"
)

// ExtractInput says what to read.
type ExtractInput struct {
	Job
	Watermark string `json:"watermark,omitempty"`
	From      string `json:"from,omitempty"` // a backfill's bounds, instead of the watermark's window
	To        string `json:"to,omitempty"`
}

// ExtractResult is what was read: the source as it was found, and the raw files.
type ExtractResult struct {
	Plan table.Plan `json:"plan"`
	Raw  table.Raw  `json:"raw"`
	// Unchanged says that a window after the first had no rows: there is nothing to do but to log.
	Unchanged bool `json:"unchanged,omitempty"`
}

// Extract reads the window of one client table onto this worker's scratch disk. It inspects the
// source anew each time, so a retry after a change of the table's columns reads the new ones. Repeating it is safe: it writes to a
// folder of its own and nowhere else, and goes on from chunks that an earlier attempt finished only where the rows are the same.
func (a *Activities) Extract(ctx context.Context, in ExtractInput) (ExtractResult, error) {
	var rows, bytes, done, chunks atomic.Int64
	end, err := a.begin(ctx, in.RunID, func() Progress {
		return Progress{Step: "extract", Rows: rows.Load(), Bytes: bytes.Load(), Chunks: chunks.Load(), Done: done.Load()}
	})
	if err != nil {
		return ExtractResult{}, err
	}
	defer end()
	source, release, err := a.Sources.Get(ctx, in.Client)
	if err != nil {
		return ExtractResult{}, classify(ctx, err)
	}
	defer release()
	plan, err := a.planOf(ctx, source, in)
	if err != nil {
		return ExtractResult{}, classify(ctx, err)
	}
	readAt, err := clockOf(ctx, source, in.Spec)
	if err != nil {
		return ExtractResult{}, classify(ctx, err)
	}
	if err := a.Scratch.Adopt(in.RunID); err != nil {
		return ExtractResult{}, classify(ctx, err)
	}
	raw, err := source.Extract(ctx, mariadb.ExtractRequest{
		Spec: in.Spec, Plan: plan, From: in.From, To: in.To, ReadAt: readAt,
		Dir:      a.Scratch.Run(in.RunID, rawFolder),
		Progress: func(r, b int64) { rows.Store(r); bytes.Store(b) },
		Chunks: func(d, total int) {
			if total > 1 {
				done.Store(int64(d))
				chunks.Store(int64(total))
			}
		},
	})
	if err != nil {
		return ExtractResult{}, classify(ctx, err)
	}
	if in.reconciles(raw.Window) {
		if err := a.readKeys(ctx, source, in, plan, &raw, &rows, &bytes); err != nil {
			return ExtractResult{}, classify(ctx, err)
		}
	}
	for _, note := range raw.Notes {
		activity.GetLogger(ctx).Warn(note, "client", in.Ref.Client, "region", in.Ref.Region, "table", in.Ref.Table, "sync", in.Ref.Sync, "run", in.RunID)
	}
	result := ExtractResult{Plan: plan, Raw: raw, Unchanged: raw.Rows == 0 && raw.Window.Low != "" && len(raw.Keys) == 0}
	if result.Unchanged {
		err = a.Scratch.Remove(in.RunID)
	}
	return result, classify(ctx, err)
}

// clockOf is the source's clock, where versions are kept: the time of what rows do not tell, as that one is gone.
func clockOf(ctx context.Context, source *mariadb.Source, spec table.Spec) (time.Time, error) {
	if spec.History == "" {
		return time.Time{}, nil
	}
	server, err := source.Ping(ctx)
	return server.Clock, err
}
