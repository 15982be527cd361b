package databricks

import (
	"bytes"
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/useragent"
	"github.com/databricks/databricks-sql-go/auth"
	"github.com/stretchr/testify/require"

	fake "tributary/internal/testserver/workspace"
)

var _ auth.Authenticator = (*Workspace)(nil)

// TestMain keeps the machine's own profile and variables out of the tests.
func TestMain(m *testing.M) {
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "DATABRICKS_") || strings.HasPrefix(name, "ARM_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("DATABRICKS_CONFIG_FILE", "/nowhere/databrickscfg")
	os.Exit(m.Run())
}

// open signs in. What fails on the way is tried again for longer than a busy machine stalls.
func open(t *testing.T, w *fake.Workspace) *Workspace {
	t.Helper()
	return openFor(t, w, 10*time.Minute)
}

// openFor signs in, and has what fails on the way tried again for so long.
func openFor(t *testing.T, w *fake.Workspace, retry time.Duration) *Workspace {
	t.Helper()
	opened, err := Open(context.Background(), Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret, Retry: retry})
	require.NoError(t, err)
	return opened
}

func TestOpenSignsIn(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	for name, o := range map[string]func(*testing.T) Options{
		"OK service principal": func(*testing.T) Options {
			return Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret}
		},
		"OK personal access token": func(*testing.T) Options { return Options{Host: w.URL, Token: w.Token} },
		"OK host with a path":      func(*testing.T) Options { return Options{Host: w.URL + "/?o=1", Token: w.Token} },
		"OK environment": func(t *testing.T) Options {
			t.Setenv("DATABRICKS_HOST", w.URL)
			t.Setenv("DATABRICKS_CLIENT_ID", w.ClientID)
			t.Setenv("DATABRICKS_CLIENT_SECRET", w.ClientSecret)
			return Options{}
		},
		"OK given over environment": func(t *testing.T) Options {
			t.Setenv("DATABRICKS_TOKEN", "dapi-of-another")
			return Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret}
		},
		"OK profile": func(t *testing.T) Options {
			file := filepath.Join(t.TempDir(), "databrickscfg")
			require.NoError(t, os.WriteFile(file, []byte("[lake]\nhost = "+w.URL+"\ntoken = "+w.Token+"\n"), 0o600))
			t.Setenv("DATABRICKS_CONFIG_FILE", file)
			return Options{Profile: "lake"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			opened, err := Open(context.Background(), o(t))
			require.NoError(t, err)
			require.Equal(t, w.URL, opened.Host())
			_, err = opened.Warehouse(context.Background(), fake.DefaultWarehouse)
			require.NoError(t, err)
			requests := w.Requests()
			require.Contains(t, requests[len(requests)-1].UserAgent, "tributary/0.0.0+dev")
		})
	}
}

func TestOpenRefused(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	another := httptest.NewServer(http.NotFoundHandler())
	defer another.Close()
	t.Setenv("PATH", "") // the SDK would ask az and databricks
	for name, c := range map[string]struct {
		options Options
		env     map[string]string
		want    error
		says    string
	}{
		"ErrSettings no host":           {Options{Token: "hunter2"}, nil, ErrSettings, "set lake.host"},
		"ErrSettings nothing":           {Options{}, nil, ErrSettings, "set lake.host"},
		"ErrSettings no credentials":    {Options{Host: w.URL}, nil, ErrSettings, "lake.client_id"},
		"ErrSettings id without secret": {Options{Host: w.URL, ClientID: w.ClientID}, nil, ErrSettings, "client_secret"},
		"ErrSettings unknown profile":   {Options{Profile: "nowhere"}, nil, ErrSettings, "lake.profile"},
		"ErrSettings two ways in the environment": {Options{Host: w.URL}, map[string]string{
			"DATABRICKS_TOKEN": "hunter2", "DATABRICKS_CLIENT_ID": "id", "DATABRICKS_CLIENT_SECRET": "hunter2",
		}, ErrSettings, "more than one authorization method"},
		"ErrDenied wrong secret in the environment": {Options{Host: w.URL}, map[string]string{
			"DATABRICKS_CLIENT_ID": w.ClientID, "DATABRICKS_CLIENT_SECRET": "hunter2",
		}, ErrDenied, "client_id and client_secret"},
		"ErrSettings unknown host":  {Options{Host: "https://no-such-host.invalid", ClientID: "id", ClientSecret: "hunter2"}, nil, ErrSettings, "correct lake.host"},
		"ErrSettings no Databricks": {Options{Host: another.URL, ClientID: "id", ClientSecret: "hunter2"}, nil, ErrSettings, "correct lake.host"},
		"ErrSettings no address":    {Options{Host: "https://%zz", Token: "hunter2"}, nil, ErrSettings, "lake.host"},
		"ErrDenied wrong secret":    {Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: "hunter2"}, nil, ErrDenied, "client_id and client_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			_, err := Open(context.Background(), c.options)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestOpenWhereNobodyIs(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, err := Open(context.Background(), Options{Host: gone.URL, ClientID: "id", ClientSecret: "hunter2", Retry: time.Second})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "lake.host")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestOpenEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	logged := cancelling{cancel: cancel}
	previous, standard, wait := slog.Default(), log.Writer(), silence
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, nil)))
	silence = 10 * time.Millisecond
	defer func() { slog.SetDefault(previous); log.SetOutput(standard); silence = wait }()
	_, err := Open(ctx, Options{Host: silent.URL, ClientID: "id", ClientSecret: "hunter2", Retry: time.Second})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, strings.Count(logged.String(), "has not answered yet"), "meanwhile")
	require.Contains(t, logged.String(), silent.URL)
	require.NotContains(t, logged.String(), "hunter2")
}

// cancelling cancels with the first line that is logged.
type cancelling struct {
	bytes.Buffer
	cancel context.CancelFunc
}

func (c *cancelling) Write(line []byte) (int, error) {
	defer c.cancel()
	return c.Buffer.Write(line)
}

// shortLife is how long tokens are told to be valid in tests that wait until they are not.
const shortLife = time.Second

// expireTokens ends all tokens once their holders know that they have expired. One that was being renewed at the last request
// began to count anew with the answer: so it waits for twice as long.
func expireTokens(w *fake.Workspace) {
	time.Sleep(2*shortLife + 100*time.Millisecond)
	w.ExpireTokens()
}

func TestTokenThatExpiresIsRenewed(t *testing.T) {
	w := fake.Start(t, fake.Options{TokenLife: shortLife})
	opened := open(t, w)
	for name, use := range map[string]func() error{
		"a request of the SDK": func() error {
			_, err := opened.Warehouse(context.Background(), fake.DefaultWarehouse)
			return err
		},
		"one that is signed": func() error {
			request, err := http.NewRequest(http.MethodGet, w.URL+"/api/2.0/sql/warehouses", http.NoBody)
			require.NoError(t, err)
			require.NoError(t, opened.Authenticate(request))
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, response.StatusCode)
			return response.Body.Close()
		},
	} {
		t.Run("OK "+name, func(t *testing.T) {
			require.NoError(t, use())
			before := w.Count(http.MethodPost, "/oidc/v1/token")
			expireTokens(w)
			require.NoError(t, use())
			require.Greater(t, w.Count(http.MethodPost, "/oidc/v1/token"), before)
		})
	}
}

func TestTokenThatCannotBeRenewed(t *testing.T) {
	w := fake.Start(t, fake.Options{TokenLife: shortLife})
	opened := open(t, w)
	ask := func() error {
		_, err := opened.Warehouse(context.Background(), fake.DefaultWarehouse)
		return err
	}
	t.Run("OK after a while", func(t *testing.T) {
		before := w.Count(http.MethodPost, "/oidc/v1/token")
		w.Fail(fake.Fault{Prefix: "/oidc/", Times: 3, Status: http.StatusServiceUnavailable, Code: "TEMPORARILY_UNAVAILABLE"})
		expireTokens(w)
		require.NoError(t, ask())
		require.GreaterOrEqual(t, w.Count(http.MethodPost, "/oidc/v1/token"), before+4)
	})
	t.Run("ErrDenied for good", func(t *testing.T) {
		w.RotateSecret()
		require.Eventually(t, func() bool { return ask() != nil }, 2*time.Minute, 100*time.Millisecond)
		err := ask()
		require.ErrorIs(t, err, ErrDenied)
		require.ErrorContains(t, err, "renew")
		require.NotContains(t, err.Error(), w.ClientSecret)
		request, requestErr := http.NewRequest(http.MethodGet, w.URL, http.NoBody)
		require.NoError(t, requestErr)
		require.ErrorIs(t, opened.Authenticate(request), ErrDenied)
	})
}

func TestRevokedCredentialsAreSaidSo(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	opened := open(t, w)
	w.ExpireTokens()
	_, err := opened.Warehouse(context.Background(), fake.DefaultWarehouse)
	require.ErrorIs(t, err, ErrDenied)
	require.ErrorContains(t, err, "refuses the credentials (HTTP 403: Invalid access token)")
	require.ErrorContains(t, err, "renew")
}

func TestBusyWorkspaceIsAskedAgain(t *testing.T) {
	for name, f := range map[string]fake.Fault{
		"OK 429 with Retry-After":     {Status: http.StatusTooManyRequests, Code: "REQUEST_LIMIT_EXCEEDED", Message: "slow down", RetryAfter: 1},
		"OK 503":                      {Status: http.StatusServiceUnavailable, Code: "TEMPORARILY_UNAVAILABLE", Message: "in a while"},
		"OK 500":                      {Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR", Message: "oops"},
		"OK 502 without any reason":   {Status: http.StatusBadGateway},
		"OK cut in the answer":        {CutResponse: 10},
		"OK cut before the answer":    {CutRequest: 1},
		"OK lost":                     {Lost: true},
		"ErrUnavailable for too long": {Times: 100, Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR", Message: "oops"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fake.Start(t, fake.Options{})
			retry := 10 * time.Minute
			if f.Times > 0 {
				retry = 3 * time.Second
			}
			opened := openFor(t, w, retry)
			f.Prefix = "/api/2.0/sql/"
			w.Fail(f)
			_, err := opened.Warehouse(context.Background(), fake.DefaultWarehouse)
			if f.Times == 0 {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrUnavailable)
			require.ErrorContains(t, err, "oops")
		})
	}
}

func TestCancelledRequestsEnd(t *testing.T) {
	w := fake.Start(t, fake.Options{})
	opened := open(t, w)
	w.Fail(fake.Fault{Prefix: "/api/", Times: 100, Status: http.StatusInternalServerError})
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	_, err := opened.Warehouse(ctx, fake.DefaultWarehouse)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "look at warehouse")
}

func TestNothingSecretIsLoggedOrPrinted(t *testing.T) {
	var logged bytes.Buffer
	standard, previous := log.Writer(), slog.Default()
	log.SetOutput(&logged)
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer func() { slog.SetDefault(previous); log.SetOutput(standard) }()
	t.Setenv("DATABRICKS_DEBUG_HEADERS", "true")

	w := fake.Start(t, fake.Options{})
	w.PutSecret("crm", "password", "hunter2")
	opened, err := Open(context.Background(), Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret, Retry: time.Second})
	require.NoError(t, err)
	_, err = opened.Secret(context.Background(), "crm", "password")
	require.NoError(t, err)
	_, err = opened.Secret(context.Background(), "crm", "none")
	require.Error(t, err)
	w.Fail(fake.Fault{Prefix: "/api/", Times: 9, Status: http.StatusInternalServerError, Code: "INTERNAL_ERROR", Message: "you sent " + w.ClientSecret})
	_, failed := opened.Secret(context.Background(), "crm", "password")
	require.ErrorIs(t, failed, ErrUnavailable)
	_, refused := Open(context.Background(), Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret + "x", Retry: time.Second})
	require.ErrorIs(t, refused, ErrDenied)
	for _, text := range []string{logged.String(), failed.Error(), refused.Error(), errors.Join(err, failed).Error()} {
		require.NotContains(t, text, w.ClientSecret)
		require.NotContains(t, text, "hunter2")
		require.NotContains(t, text, "Bearer")
	}
}

func TestProductVersionIsAlwaysSemantic(t *testing.T) {
	for version, want := range map[string]string{
		"dev": "0.0.0+dev", "": "0.0.0", "v1.2.3": "1.2.3", "1.2.3": "1.2.3", "v1.2.3-4-gabc": "1.2.3-4-gabc", "v1.2.3-4-gabc-dirty": "1.2.3-4-gabc-dirty",
		"abc1234-dirty": "0.0.0+abc1234-dirty", "0123456": "0.0.0+0123456", "v1.2": "0.0.0+v1-2", "v1.2.3 (x)": "0.0.0+v1-2-3--x-",
	} {
		require.Equal(t, want, productVersion(version), version)
		require.NotPanics(t, func() { useragent.WithProduct("tributary", productVersion(version)) })
	}
}
