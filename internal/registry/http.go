package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"tributary/config/strict"
	"tributary/internal/secrets"
)

// Bounds of a service's answer.
const (
	maxBody  = 16 << 20 // bytes of a page
	maxPages = 10_000
	maxAge   = 10 * time.Second // of what Get and later pages of List return
)

// HTTPOptions say how a service is asked.
type HTTPOptions struct {
	URL     string        // GET URL?region=eu answers {"clients": […], "next": "…"}
	Token   string        // a secret reference, resolved for each request and sent as bearer token; "" sends none
	Timeout time.Duration // of one request, its body included; default 10s
	Retries int           // after the first try, when the service is down or overloaded
	// Resolve turns Token into the secret; default secrets.Resolve, which knows no databricks: references.
	Resolve func(ctx context.Context, reference string) (string, error)
	Wait    time.Duration // before the first retry, then doubling up to 16 times as much; default 500ms
}

// NewHTTP returns a registry that is an HTTP service. A next in its answer, a URL or a reference relative to
// the page's own, is the next page; it must stay at the same scheme and host. A service that ignores
// the region is filtered here. The error is ErrInvalid, for a URL that is none.
func NewHTTP(options HTTPOptions) (Registry, error) {
	base, err := url.Parse(options.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil {
		return nil, fmt.Errorf("%w: its URL must be https://host/path, without user and password", ErrInvalid)
	}
	wait := options.Wait
	if wait <= 0 {
		wait = 500 * time.Millisecond
	}
	client := retryablehttp.NewClient()
	client.Logger = nil // it would write URLs; errors say what went wrong
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = options.Retries, wait, 16*wait
	client.Backoff = bounded
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler // keeps the last status
	client.CheckRetry = worthRetrying
	client.HTTPClient.Timeout = options.Timeout
	if options.Timeout <= 0 {
		client.HTTPClient.Timeout = 10 * time.Second
	}
	client.HTTPClient.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		if !sameHost(to.URL, base) || len(via) > 5 {
			return errElsewhere
		}
		return nil
	}
	resolve := options.Resolve
	if resolve == nil {
		resolve = secrets.Resolve
	}
	return registry{&httpSource{base: base, token: options.Token, resolve: resolve, client: client, turn: make(chan struct{}, 1)}}, nil
}

var errElsewhere = errors.New("it redirects to another host, or in circles")

// bounded is the usual backoff, without the hours that a Retry-After may ask for.
func bounded(least, most time.Duration, attempt int, response *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(least, most, attempt, response), most)
}

func worthRetrying(ctx context.Context, response *http.Response, err error) (bool, error) {
	if errors.Is(err, errElsewhere) {
		return false, err
	}
	return retryablehttp.DefaultRetryPolicy(ctx, response, err)
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

type httpSource struct {
	base    *url.URL
	token   string
	resolve func(ctx context.Context, reference string) (string, error)
	client  *retryablehttp.Client

	turn  chan struct{} // held while last is read or fetched: those who wait share the answer
	last  map[string]contents
	since map[string]time.Time
}

func (*httpSource) whole() bool { return false }

func (s *httpSource) load(ctx context.Context, region string, aged bool) (contents, error) {
	if !aged {
		return s.fetch(ctx, region)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return contents{}, ctx.Err()
	}
	if time.Since(s.since[region]) < maxAge {
		return s.last[region], nil
	}
	c, err := s.fetch(ctx, region)
	if err != nil {
		return contents{}, err
	}
	if s.last == nil {
		s.last, s.since = map[string]contents{}, map[string]time.Time{}
	}
	s.last[region], s.since[region] = c, time.Now()
	return c, nil
}

// fetch reads all pages.
func (s *httpSource) fetch(ctx context.Context, region string) (contents, error) {
	page := *s.base
	if region != "" {
		query := page.Query()
		query.Set("region", region)
		page.RawQuery = query.Encode()
	}
	c, seen := newChecks(), map[string]bool{}
	for number := 1; ; number++ {
		seen[page.String()] = true
		f, err := s.page(ctx, &page, number)
		if err != nil {
			return contents{}, err
		}
		next := c.add(f)
		if err := c.faults.Err(); err != nil {
			return contents{}, fmt.Errorf("%w:\n%w", ErrInvalid, err)
		}
		if next == "" {
			return c.contents, nil
		}
		following, err := page.Parse(next)
		if err != nil || !sameHost(following, s.base) {
			return contents{}, s.invalid(number, "its next leaves the service's scheme and host, or is no URL; the service must page within itself")
		}
		following.Fragment = ""
		if seen[following.String()] || number >= maxPages {
			return contents{}, s.invalid(number, "its next leads back to an earlier page, or pages never end; the service must end with an empty next")
		}
		page = *following
	}
}

func (s *httpSource) invalid(number int, problem string) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, s.name(number), problem)
}

// name is what messages call a page: the service without its query, which may have secrets.
func (s *httpSource) name(number int) string {
	name := (&url.URL{Scheme: s.base.Scheme, Host: s.base.Host, Path: s.base.Path}).String()
	if number > 1 {
		name += fmt.Sprintf(" (page %d)", number)
	}
	return name
}

// page reads one page.
func (s *httpSource) page(ctx context.Context, at *url.URL, number int) (*strict.File, error) {
	reply, err := s.get(ctx, at, number)
	if err != nil {
		return nil, err
	}
	f := strict.ParseJSON(s.name(number), reply.body)
	if !f.Parsed() || len(bytes.TrimSpace(reply.body)) == 0 {
		return nil, s.invalid(number, "it did not answer with JSON: got "+reply.String()+"; correct clients.url, or the service")
	}
	return f, nil
}
