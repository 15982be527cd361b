// Package activities does the steps of a run, one file per step. Each activity runs at least
// once; its comment says why repeating it is safe.
package activities

import (
	"context"

	"go.temporal.io/sdk/client"

	"tributary/internal/lake"
	"tributary/internal/registry"
	"tributary/internal/steps"
)

// Activities holds what the steps work with. Which fields are needed depends on the role of the
// worker: see package workflows.
type Activities struct {
	Registry registry.Registry // where clients come from
	Lake     lake.Lake         // where central tables live; shared, so that commits are grouped
	Sources  *Sources          // the clients' databases
	Scratch  *Scratch          // this worker's disk
	Engines  *steps.Pool       // for Validate and Transform
	Temporal client.Client     // to await workflows that outlive a parent's run
	Jobs     Jobs              // the workspace's, where the lake is Databricks

	// Resolve turns a secret reference into the secret.
	Resolve func(ctx context.Context, reference string) (string, error)
}
