package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func TestARequestThatTheDeadlineCutsShortIsATimeout(t *testing.T) {
	cut := errors.New("would exceed context deadline")
	soon, cancel := context.WithDeadline(t.Context(), time.Now().Add(50*time.Millisecond))
	defer cancel()
	denied := temporal.NewNonRetryableApplicationError("denied", "Denied", nil)
	require.Equal(t, denied, outOfTime(soon, denied))
	require.Equal(t, context.DeadlineExceeded, outOfTime(soon, cut))
	later, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	require.Equal(t, cut, outOfTime(later, cut))
	require.Equal(t, cut, outOfTime(t.Context(), cut))
}
