package databricks

import (
	"context"
	"errors"

	"github.com/databricks/databricks-sdk-go/retries"
)

// again runs a request until it succeeds, fails for good, or has failed for w.retry. The SDK's own retries are inside: they
// know 429 and 503, but no connection that ends early and no 500.
func (w *Workspace) again(ctx context.Context, request func() error) error {
	err := retries.New[struct{}](retries.WithTimeout(w.retry), retries.WithRetryFunc(transient)).
		Wait(ctx, func(context.Context) error { return request() })
	var timedOut *retries.ErrTimedOut
	if errors.As(err, &timedOut) {
		return timedOut.Unwrap()
	}
	return err
}

// withFile is again for the Files API, which takes only so many requests at a time.
func (w *Workspace) withFile(ctx context.Context, request func() error) error {
	return w.again(ctx, func() error {
		select {
		case w.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		defer func() { <-w.slots }()
		return request()
	})
}
