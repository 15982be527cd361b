package activities

import (
	"context"
	"errors"
	"time"

	"tributary/internal/lake"
)

// OptimizeInput is a central table whose small files are to be put together.
type OptimizeInput struct {
	Schema   string   `json:"schema"`
	Table    string   `json:"table"`
	ZOrderBy []string `json:"zorder_by,omitempty"`
}

// Optimized is how many files a table had before and after. Merges that ran meanwhile count too.
type Optimized struct {
	Missing bool `json:"missing,omitempty"` // there is no such table (yet)
	Before  int  `json:"before"`
	After   int  `json:"after"`
}

// Optimize puts the small files of a central table together. Repeating it is safe: the rows stay the same, and
// what was done before leaves it little to do.
func (a *Activities) Optimize(ctx context.Context, in OptimizeInput) (Optimized, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "optimize"} })
	defer stop()

	before, err := a.Lake.Describe(ctx, in.Schema, in.Table)
	if errors.Is(err, lake.ErrNotFound) {
		return Optimized{Missing: true}, nil
	}
	if err != nil {
		return Optimized{}, classify(ctx, err)
	}
	if _, _, err := a.Lake.Optimize(ctx, in.Schema, in.Table, lake.Compaction{ZOrderBy: in.ZOrderBy}); err != nil {
		return Optimized{}, classify(ctx, err)
	}
	after, err := a.Lake.Describe(ctx, in.Schema, in.Table)
	return Optimized{Before: before.Files, After: after.Files}, classify(ctx, err)
}

// VacuumInput is a central table whose unneeded files are to be deleted.
type VacuumInput struct {
	Schema    string        `json:"schema"`
	Table     string        `json:"table"`
	Retention time.Duration `json:"retention"`
}

// Vacuumed is how many files were deleted.
type Vacuumed struct {
	Missing bool `json:"missing,omitempty"` // there is no such table (yet)
	Deleted int  `json:"deleted"`           // -1 when the lake does not count them
}

// Vacuum deletes the files of a central table that no version younger than the retention refers to. Repeating it is
// safe: files that are gone are no error, though a later try does not count them.
func (a *Activities) Vacuum(ctx context.Context, in VacuumInput) (Vacuumed, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "vacuum"} })
	defer stop()

	deleted, err := a.Lake.Vacuum(ctx, in.Schema, in.Table, in.Retention)
	if errors.Is(err, lake.ErrNotFound) {
		return Vacuumed{Missing: true}, nil
	}
	return Vacuumed{Deleted: deleted}, classify(ctx, err)
}

// SweepInput says how old staged files must be to count as left behind.
type SweepInput struct {
	OlderThan time.Duration `json:"older_than"`
}

// Swept is how many staged batches were removed.
type Swept struct {
	Batches int `json:"batches"`
}

// Sweep removes what runs that were terminated left staged. Repeating it is safe: what is gone is gone.
func (a *Activities) Sweep(ctx context.Context, in SweepInput) (Swept, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "sweep"} })
	defer stop()

	removed, err := a.Lake.Sweep(ctx, in.OlderThan)
	return Swept{Batches: removed}, classify(ctx, err)
}
