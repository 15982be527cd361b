package sparksql

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A newer driver that keeps its setting elsewhere would poll once a second again: every short statement would take as long.
func TestTheDriverPollsAsOftenAsItIsTold(t *testing.T) {
	connector, err := connect(&url.URL{Scheme: "http", Host: "127.0.0.1:1"}, "/cliservice", sparkDialect)
	require.NoError(t, err)
	require.NotNil(t, pollInterval(connector))
	require.Equal(t, time.Second, *pollInterval(connector))
	pollEvery(connector, sparkPoll)
	require.Equal(t, sparkPoll, *pollInterval(connector))
}
