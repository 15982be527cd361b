package local

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/conformance"
)

func open(t *testing.T, dir string) *Lake {
	t.Helper()
	l, err := Open(t.Context(), Options{Dir: dir, Threads: 2})
	require.NoError(t, err)
	return l
}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) lake.Lake { return open(t, t.TempDir()) }, conformance.Options{})
}

func TestConformanceOfGroupCommit(t *testing.T) {
	l := lake.Group(open(t, t.TempDir()))
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	conformance.Run(t, func(*testing.T) lake.Lake { return l }, conformance.Options{Shared: true, Parallel: true})
}
