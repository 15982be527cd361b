package activities

import (
	"context"
	"sync/atomic"

	"tributary/internal/steps"
	"tributary/internal/table"
)

// StepInput is what Validate and Transform work on: raw files on this worker's scratch disk.
type StepInput struct {
	Job
	Plan table.Plan `json:"plan"`
	Raw  table.Raw  `json:"raw"`
	// Validated is set for Transform.
	Validated steps.Validated `json:"validated,omitzero"`
	Staging   int             `json:"staging"` // how often the run has begun at Extract
}

// Validate holds the raw rows against the table's rules and keeps the rows that fail one apart, in the worker's quarantine
// folder. Repeating it is safe: it reads the raw files and replaces what it wrote.
func (a *Activities) Validate(ctx context.Context, in StepInput) (steps.Validated, error) {
	var rows atomic.Int64
	end, err := a.begin(ctx, in.RunID, func() Progress { return Progress{Step: "validate", Rows: rows.Load()} })
	if err != nil {
		return steps.Validated{}, err
	}
	defer end()
	job, err := a.stepJob(ctx, in, rows.Store)
	if err != nil {
		return steps.Validated{}, classify(ctx, err)
	}
	validated, err := steps.Validate(ctx, job)
	if err != nil {
		return steps.Validated{}, classify(ctx, err)
	}
	validated.Quarantine, err = a.Scratch.Keep(in.Ref, in.RunID, validated.Quarantine)
	return validated, classify(ctx, err)
}

// stepJob resolves the salts that the spec refers to.
func (a *Activities) stepJob(ctx context.Context, in StepInput, progress func(rows int64)) (steps.Job, error) {
	salts := map[string]string{}
	for _, t := range in.Spec.Transform {
		if t.Salt == "" {
			continue
		}
		salt, err := a.Resolve(ctx, t.Salt)
		if err != nil {
			return steps.Job{}, err
		}
		salts[t.Salt] = salt
	}
	return steps.Job{
		Client: in.Client, Ref: in.Ref, Spec: in.Spec, Plan: in.Plan, Raw: in.Raw,
		Dir: a.Scratch.Run(in.RunID), Salts: salts, Pool: a.Engines, Progress: progress,
	}, nil
}
