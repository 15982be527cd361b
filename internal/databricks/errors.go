package databricks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/databricks/databricks-sdk-go/apierr"
	"golang.org/x/oauth2"
)

// Errors of this package, wrapped with what, which and what to do.
var (
	ErrSettings    = errors.New("the settings of Databricks do not work")    // a setting is missing or wrong; permanent
	ErrDenied      = errors.New("denied by Databricks")                      // credentials are refused, or a grant is missing; permanent
	ErrMissing     = errors.New("not found at Databricks")                   // no such volume, secret, job or warehouse; permanent
	ErrInvalid     = errors.New("refused by Databricks")                     // the request itself is wrong; permanent
	ErrTooLarge    = errors.New("file is too large for Databricks")          // over MaxFile; permanent
	ErrFull        = errors.New("storage of Databricks is full")             // or its quota is used up; retryable once there is room
	ErrIncomplete  = errors.New("file arrived incomplete")                   // what is in the volume differs in size; upload again
	ErrUnavailable = errors.New("Databricks is unavailable or out of reach") // retries were used up; retryable
)

// advice is what to do, by the kind of answer.
type advice struct {
	what    string // what was asked for: "upload /Volumes/…"
	denied  string // which grant it needs
	missing string // what to create or correct
}

// failed makes the SDK's error one of ours. The SDK's is not wrapped: it holds the request, with its token.
func (w *Workspace) failed(ctx context.Context, err error, a advice) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", a.what, ctx.Err())
	}
	var api *apierr.APIError
	if !errors.As(err, &api) {
		return w.failedOnTheWay(err, a)
	}
	text := w.text(api)
	switch {
	case unauthenticated(api):
		return fmt.Errorf("%w: %s: %s refuses the credentials (HTTP %d: %s); renew the token or the secret that it signs in with",
			ErrDenied, a.what, w.cfg.Host, api.StatusCode, text)
	case api.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %s: %s; %s", ErrDenied, a.what, text, a.denied)
	case api.StatusCode == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %s: %s; write smaller files", ErrTooLarge, a.what, text)
	case api.StatusCode == http.StatusInsufficientStorage, strings.Contains(api.ErrorCode, "QUOTA"):
		return fmt.Errorf("%w: %s: %s; make room or raise the quota, and run again", ErrFull, a.what, text)
	case missing(api):
		return fmt.Errorf("%w: %s: %s; %s", ErrMissing, a.what, text, a.missing)
	case transient(err):
		return fmt.Errorf("%w: %s: HTTP %d: %s; it was tried again for %s, run again later", ErrUnavailable, a.what, api.StatusCode, text, w.retry)
	}
	return fmt.Errorf("%w: %s: HTTP %d %s: %s", ErrInvalid, a.what, api.StatusCode, api.ErrorCode, text)
}

// failedOnTheWay is for errors that are no answer of the API. What is not known is taken for something that passes.
func (w *Workspace) failedOnTheWay(err error, a advice) error {
	if status := answered(err); status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		return fmt.Errorf("%w: %s: the credentials could not be renewed (HTTP %d: %s); correct or renew them", ErrDenied, a.what, status, w.text(err))
	}
	return fmt.Errorf("%w: %s: %s; check lake.host and the network, and run again", ErrUnavailable, a.what, w.text(err))
}

// unauthenticated tells refused credentials from missing grants: both are 403, but only the second has a name for its code.
// A token that expired is answered "403 Invalid access token." (databricks-sdk-go issues 917 and 1046).
func unauthenticated(api *apierr.APIError) bool {
	_, err := strconv.Atoi(api.ErrorCode)
	return api.StatusCode == http.StatusUnauthorized || api.StatusCode == http.StatusForbidden && err == nil
}

// missing also knows the Jobs API's 400 for a job or a run that is not there.
func missing(api *apierr.APIError) bool {
	return api.StatusCode == http.StatusNotFound ||
		api.StatusCode == http.StatusBadRequest && (strings.HasSuffix(api.ErrorCode, "DOES_NOT_EXIST") || strings.Contains(api.Message, " does not exist"))
}

// transient says whether the same request, or the renewal of its token, may well succeed in a while.
func transient(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if status := answered(err); status != 0 {
		return slices.Contains([]int{
			http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}, status)
	}
	return fromNetwork(err)
}

// fromNetwork says whether a request or its answer was lost on the way. A name that nobody knows and a certificate that
// nobody vouches for are no loss: they stay what they are, however soon they are asked for again.
func fromNetwork(err error) bool {
	if !sent(err) {
		return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) // in the middle of an answer
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	return !errors.As(err, &certificate) && (!errors.As(err, &name) || !name.IsNotFound)
}

// sent says whether an error is that of sending a request.
func sent(err error) bool {
	var failed *url.Error
	return errors.As(err, &failed)
}

// answered returns the HTTP status of an error that is an answer, of the API or of the token endpoint; or 0.
func answered(err error) int {
	var api *apierr.APIError
	if errors.As(err, &api) {
		return api.StatusCode
	}
	var retrieve *oauth2.RetrieveError
	if errors.As(err, &retrieve) && retrieve.Response != nil {
		return retrieve.Response.StatusCode
	}
	for _, known := range []int{ // the SDK's error of a token endpoint shows its status only so
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	} {
		if kind, ok := apierr.ByStatusCode(known); ok && errors.Is(err, kind) {
			return known
		}
	}
	return 0
}

const maxText = 500 // bytes of another's error in one of ours

// text is an error's text in one line, bounded and without any of the secrets that the workspace is opened with.
func (w *Workspace) text(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	text, _, _ = strings.Cut(text, ". Config: ") // the SDK's list of its settings
	text = strings.TrimSuffix(strings.TrimPrefix(text, "resolve: "), ".")
	for _, secret := range []string{w.cfg.Token, w.cfg.ClientSecret, w.cfg.Password, w.cfg.AzureClientSecret, w.cfg.GoogleCredentials} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
			text = strings.ReplaceAll(text, url.QueryEscape(secret), "***")
		}
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
