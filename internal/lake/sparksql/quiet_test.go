package sparksql

import (
	"bytes"
	"log"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequestsWithoutAnswerAreLoggedOnce(t *testing.T) {
	var logged bytes.Buffer
	before, standard := slog.Default(), log.Writer()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	defer func() { slog.SetDefault(before); log.SetOutput(standard) }()
	transport := &sparkTransport{base: http.DefaultTransport, user: "u", password: "very-secret"}
	for range 3 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:1/cliservice", strings.NewReader("x"))
		require.NoError(t, err)
		response, err := transport.RoundTrip(request)
		if response != nil {
			require.NoError(t, response.Body.Close())
		}
		require.Nil(t, response)
		require.Error(t, err)
	}
	require.Equal(t, 1, strings.Count(logged.String(), "Spark does not answer"), logged.String())
	require.Contains(t, logged.String(), "127.0.0.1:1")
	require.NotContains(t, logged.String(), "very-secret")
}

func TestOtherServicesOfTheHostDoNotSeeThePassword(t *testing.T) {
	transport := &sparkTransport{base: http.DefaultTransport, user: "u", password: "very-secret"}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1/api/2.0/connector-service/feature-flags/GOLANG/1.14.0", nil)
	require.NoError(t, err)
	response, err := transport.RoundTrip(request)
	require.NoError(t, err, "nobody was asked")
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNotFound, response.StatusCode)
}

func TestTheStandardLoggerLeavesOutWhatTheDriverBringsAbout(t *testing.T) {
	var out bytes.Buffer
	logger := log.New(withoutOne{&out}, "", log.LstdFlags)
	logger.Print("RoundTripper returned a response & error; ignoring response")
	require.Empty(t, out.String())
	logger.Print("anything else")
	require.Contains(t, out.String(), "anything else")
}
