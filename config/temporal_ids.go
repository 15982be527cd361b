package config

import (
	"context"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// resourceHeader is where the Temporal SDK repeats the workflow's id of a request, for routing.
const resourceHeader = "temporal-resource-id"

// escapeResource lets ids have any letters. gRPC takes headers of printable ASCII only, and the SDK (v1.50.0) sends ids as
// they are: without this, every call about the workflow of client "müller" fails before it is sent, forever.
func escapeResource(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if sent, ok := metadata.FromOutgoingContext(ctx); ok { // a copy
		for i, id := range sent[resourceHeader] {
			if strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
				sent[resourceHeader][i] = url.QueryEscape(id)
			}
		}
		ctx = metadata.NewOutgoingContext(ctx, sent)
	}
	return invoke(ctx, method, request, reply, conn, options...)
}
