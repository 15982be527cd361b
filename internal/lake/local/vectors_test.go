package local

import (
	"context"
	"testing"

	"tributary/internal/lake"
	"tributary/internal/lake/conformance"
	"tributary/internal/table"
)

// vectorLake makes every table with deletion vectors, and uses them whenever a file that loses rows keeps one.
type vectorLake struct{ *Lake }

var withVectors = map[string]string{"delta.enableDeletionVectors": "true"}

func openVectors(t *testing.T, dir string) vectorLake {
	t.Helper()
	l := open(t, dir)
	l.masking = masking{share: 1}
	return vectorLake{l}
}

func (l vectorLake) Create(ctx context.Context, def lake.Table) (bool, error) {
	if def.Properties == nil {
		def.Properties = withVectors
	}
	return l.Lake.Create(ctx, def)
}

func (l vectorLake) Merge(ctx context.Context, batches []table.Batch) ([]lake.MergeResult, error) {
	batches = append([]table.Batch(nil), batches...)
	for i := range batches {
		if batches[i].Properties == nil {
			batches[i].Properties = withVectors
		}
	}
	return l.Lake.Merge(ctx, batches)
}

func TestConformanceWithDeletionVectors(t *testing.T) {
	conformance.Run(t, func(t *testing.T) lake.Lake { return openVectors(t, t.TempDir()) }, conformance.Options{Widens: true})
}
