package config

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

func TestIDsOfAnyLettersGoIntoHeaders(t *testing.T) {
	for id, want := range map[string]string{
		"workflow:sync/daily/eu/acme": "workflow:sync/daily/eu/acme",
		`workflow:o'brien 100% "q"`:   `workflow:o'brien 100% "q"`,
		"workflow:müller":             "workflow%3Am%C3%BCller",
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), resourceHeader, id, "other", "kept")
		err := escapeResource(ctx, "", nil, nil, nil, func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			sent, ok := metadata.FromOutgoingContext(ctx)
			require.True(t, ok)
			require.Equal(t, metadata.MD{resourceHeader: {want}, "other": {"kept"}}, sent)
			return nil
		})
		require.NoError(t, err)
	}
}
