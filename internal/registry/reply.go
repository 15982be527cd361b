package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-retryablehttp"
)

// reply is a service's answer.
type reply struct {
	status string
	kind   string // media type
	body   []byte
	token  string // what was sent, never to be shown
}

// get asks for one page. A status other than 200 is an error.
func (s *httpSource) get(ctx context.Context, at *url.URL, number int) (reply, error) {
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return reply{}, s.invalid(number, "its URL cannot be asked; correct clients.url")
	}
	request.Header.Set("Accept", "application/json")
	token, err := s.bearer(ctx)
	if err != nil {
		return reply{}, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return reply{}, s.failed(ctx, number, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return reply{}, s.failed(ctx, number, err)
	}
	if len(body) > maxBody {
		return reply{}, s.invalid(number, fmt.Sprintf("a page is larger than %d bytes; the service must send smaller ones", maxBody))
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	r := reply{status: response.Status, kind: kind, body: body, token: token}
	return r, s.statusError(number, response.StatusCode, r)
}

func (s *httpSource) bearer(ctx context.Context) (string, error) {
	if s.token == "" {
		return "", nil
	}
	token, err := s.resolve(ctx, s.token)
	if err != nil {
		return "", fmt.Errorf("the client registry's token: %w", err)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "", fmt.Errorf("%w: the token in %s has spaces or line breaks, which no HTTP header can have; correct it", ErrInvalid, s.token)
	}
	return token, nil
}

// failed tells a service that is down from one that must be corrected. The URL in net/http's error
// is left out: its query may have secrets.
func (s *httpSource) failed(ctx context.Context, number int, err error) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("client registry %s: %w", s.name(number), ctx.Err())
	case errors.Is(err, errElsewhere):
		return s.invalid(number, err.Error()+"; write the final address in clients.url")
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, s.name(number), err)
}

func (s *httpSource) statusError(number, code int, r reply) error {
	switch {
	case code == http.StatusOK:
		return nil
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		return fmt.Errorf("%w: %s: got %s", ErrUnavailable, s.name(number), r)
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return s.invalid(number, fmt.Sprintf("got %s; check clients.token and what it may read", r))
	}
	return s.invalid(number, fmt.Sprintf("got %s; correct clients.url, or the service", r))
}

// String describes the answer: its status, its type, and how it begins where that is harmless.
func (r reply) String() string {
	description := r.status
	if r.kind != "" {
		description += ", " + r.kind
	}
	if len(bytes.TrimSpace(r.body)) == 0 {
		return description + ", without content"
	}
	if beginning := r.beginning(); beginning != "" {
		description += fmt.Sprintf(", beginning %q", beginning)
	}
	return description
}

// beginning returns up to 80 bytes of a text that is none of clients' data and has no sign of a secret.
func (r reply) beginning() string {
	if !utf8.Valid(r.body) || r.kind != "" && !strings.HasPrefix(r.kind, "text/") {
		return ""
	}
	text := strings.TrimSpace(string(r.body))
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return ""
	}
	for _, sign := range []string{"password", "secret", "token", "bearer"} {
		if strings.Contains(strings.ToLower(text), sign) {
			return ""
		}
	}
	if r.token != "" && strings.Contains(text, r.token) {
		return ""
	}
	if len(text) <= 80 {
		return text
	}
	return strings.ToValidUTF8(text[:80], "") + "…"
}
