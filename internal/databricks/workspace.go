package databricks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/files"
	"github.com/databricks/databricks-sdk-go/service/jobs"
	"github.com/databricks/databricks-sdk-go/service/sql"
	"github.com/databricks/databricks-sdk-go/service/workspace"
)

// Options say which workspace, and as whom. Secrets are given resolved. What is empty comes from the profile or the
// environment; of the ways to sign in, one given here is used whatever the environment has.
type Options struct {
	Profile      string // a section of ~/.databrickscfg, or of the file in DATABRICKS_CONFIG_FILE
	Host         string // https://…
	Token        string // a personal access token
	ClientID     string // of a service principal, with ClientSecret
	ClientSecret string

	Retry   time.Duration // how long a request that fails on the way is tried again; default 1m, at least 1s
	Timeout time.Duration // of one request without any progress; default 2m, at least 1s
}

const (
	defaultRetry   = time.Minute
	defaultTimeout = 2 * time.Minute
	metadataLimit  = 20 * time.Second // for what a host says about itself: the SDK goes on without it

	// The workspace allows 100 requests a second and 10 at a time to the Files API (databricks/cli,
	// libs/filer/files_client.go); this process is one of several.
	requestsPerSecond = 50
	filesAtOnce       = 5
)

// silence is how long signing in takes until it is logged that it goes on.
var silence = 3 * time.Second

// Workspace is a Databricks workspace. Its methods are safe for concurrent use.
type Workspace struct {
	cfg   *config.Config
	retry time.Duration

	client     *client.DatabricksClient
	files      *files.FilesAPI
	jobs       *jobs.JobsAPI
	warehouses *sql.WarehousesAPI
	secrets    *workspace.SecretsAPI
	slots      chan struct{} // held by requests to the Files API
}

// Open signs in to a workspace. Its errors are ErrSettings, ErrDenied when the credentials are refused, and
// ErrUnavailable when the workspace cannot be reached.
func Open(ctx context.Context, o Options) (*Workspace, error) {
	prepareSDK()
	w := &Workspace{cfg: settings(ctx, o), retry: max(cmp.Or(o.Retry, defaultRetry), time.Second), slots: make(chan struct{}, filesAtOnce)}
	// The SDK signs in without a context, so it is left behind when ours ends.
	opened := make(chan error, 1)
	go func() { opened <- w.open() }()
	silent := time.NewTimer(silence)
	defer silent.Stop()
	for {
		select {
		case err := <-opened:
			if err != nil {
				return nil, err
			}
			return w, nil
		case <-silent.C:
			slog.WarnContext(ctx, "Databricks has not answered yet; it is asked again for a while", "host", cmp.Or(o.Host, "of the profile or the environment"), "profile", o.Profile)
		case <-ctx.Done():
			return nil, fmt.Errorf("sign in to Databricks: %w", ctx.Err())
		}
	}
}

func settings(ctx context.Context, o Options) *config.Config {
	cfg := &config.Config{
		Profile: o.Profile, Host: o.Host, Token: o.Token, ClientID: o.ClientID, ClientSecret: o.ClientSecret,
		HTTPTimeoutSeconds:  max(int(cmp.Or(o.Timeout, defaultTimeout)/time.Second), 1),
		RetryTimeoutSeconds: max(int(cmp.Or(o.Retry, defaultRetry)/time.Second), 1),
		RateLimitPerSecond:  requestsPerSecond,
	}
	switch { // what is given here goes before what the environment has
	case o.Token != "":
		cfg.AuthType = "pat"
	case o.ClientID != "":
		cfg.AuthType = "oauth-m2m"
	}
	cfg.HostMetadataResolver = func(_ context.Context, _ string) (*config.HostMetadata, error) {
		ctx, cancel := context.WithTimeout(ctx, metadataLimit) // the SDK's own context has no end
		defer cancel()
		return cfg.DefaultHostMetadataResolver()(ctx, cfg.CanonicalHostName())
	}
	return cfg
}

func (w *Workspace) open() error {
	if err := w.cfg.EnsureResolved(); err != nil {
		return w.settingsError(err)
	}
	w.chooseSignIn()
	if w.cfg.Host == "" && w.cfg.AzureResourceID == "" {
		if w.cfg.Profile != "" { // without a file of profiles the SDK says nothing
			return fmt.Errorf("%w: the profile %q gives no host: correct lake.profile, or write the profile into ~/.databrickscfg or the file that DATABRICKS_CONFIG_FILE names",
				ErrSettings, w.cfg.Profile)
		}
		return fmt.Errorf("%w: no host is given: set lake.host, a profile in lake.profile, or DATABRICKS_HOST", ErrSettings)
	}
	request, err := http.NewRequest(http.MethodGet, w.cfg.Host, http.NoBody) //nolint:noctx // it is never sent
	if err != nil {
		return fmt.Errorf("%w: lake.host is not an address: write https://… as in the browser", ErrSettings)
	}
	if err := w.Authenticate(request); err != nil {
		return err
	}
	w.client, err = client.New(w.cfg)
	if err != nil {
		return w.settingsError(err)
	}
	w.files, w.jobs = files.NewFiles(w.client), jobs.NewJobs(w.client)
	w.warehouses, w.secrets = sql.NewWarehouses(w.client), workspace.NewSecrets(w.client)
	return nil
}

// chooseSignIn names the way to sign in where the settings leave only one: otherwise the SDK tries every one it knows, and then says only that
// none worked.
func (w *Workspace) chooseSignIn() {
	switch c := w.cfg; {
	case c.AuthType != "":
	case c.Token != "":
		c.AuthType = "pat"
	case c.ClientID != "" && c.ClientSecret != "":
		c.AuthType = "oauth-m2m"
	case c.AzureClientID != "" && c.AzureClientSecret != "" && c.AzureTenantID != "":
		c.AuthType = "azure-client-secret"
	}
}

// Host is the workspace's address: the scheme and the host, without a path.
func (w *Workspace) Host() string { return w.cfg.Host }

// Authenticate signs a request, renewing the token when it is about to expire. It makes the workspace an
// auth.Authenticator of databricks-sql-go. Its errors are ErrSettings, ErrDenied and ErrUnavailable.
func (w *Workspace) Authenticate(request *http.Request) error {
	err := w.again(request.Context(), func() error { return w.cfg.Authenticate(request) })
	if err == nil {
		return nil
	}
	return w.signInError(err)
}

// identity is what messages call whoever signs in.
func (w *Workspace) identity() string {
	switch {
	case w.cfg.ClientID != "" && w.cfg.AuthType != "pat":
		return "the service principal " + w.cfg.ClientID
	case w.cfg.AzureClientID != "" && strings.HasPrefix(w.cfg.AuthType, "azure"):
		return "the service principal " + w.cfg.AzureClientID
	}
	return "the owner of these credentials"
}

func (w *Workspace) settingsError(err error) error {
	return fmt.Errorf("%w: %s; correct lake.profile, lake.host or the DATABRICKS_… environment variables", ErrSettings, w.text(err))
}

// signInError says what is wrong with the settings of one way to sign in.
func (w *Workspace) signInError(err error) error {
	setting := "the credentials of the profile or the environment"
	switch w.cfg.AuthType {
	case "oauth-m2m":
		setting = "client_id and client_secret"
	case "pat":
		setting = "token"
	}
	status := answered(err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: signing in to %s: it took too long; run again", ErrUnavailable, w.cfg.Host)
	case errors.Is(err, config.ErrCannotConfigureDefault):
		return fmt.Errorf("%w: no way to sign in to %s worked: set lake.token, or lake.client_id and lake.client_secret, or a profile in lake.profile, or DATABRICKS_… (%s)",
			ErrSettings, w.cfg.Host, w.text(err))
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == 0 && fromNetwork(err):
		return fmt.Errorf("%w: signing in to %s: %s; correct lake.host, or run again when the workspace answers", ErrUnavailable, w.cfg.Host, w.text(err))
	case status == 0 && sent(err):
		return fmt.Errorf("%w: signing in to %s: %s; correct lake.host", ErrSettings, w.cfg.Host, w.text(err))
	case status != 0:
		return fmt.Errorf("%w: %s refuses %s (HTTP %d: %s); correct or renew them", ErrDenied, w.cfg.Host, setting, status, w.text(err))
	}
	return fmt.Errorf("%w: signing in to %s: %s; correct lake.host or %s", ErrSettings, cmp.Or(w.cfg.Host, "Databricks"), w.text(err), setting)
}
