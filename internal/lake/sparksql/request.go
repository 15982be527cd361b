package sparksql

import (
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"tributary/internal/lake"
)

// requestError is a request to the endpoint that was refused before it reached SQL, or that was lost on the way.
type requestError struct {
	status int // of HTTP; 0 when there was no answer
	text   string
	cause  error // of the driver
}

func (e *requestError) Error() string { return e.text }

// Unwrap leaves out the driver's wish to be called again: only a session knows whether the statement has run.
func (e *requestError) Unwrap() error {
	if errors.Is(e.cause, driver.ErrBadConn) {
		return nil
	}
	return e.cause
}

var (
	// How the driver writes an HTTP status (databricks-sql-go v1.14.0, internal/client: RetryPolicy and errorHandler), and before it what
	// the server said in a header.
	httpStatus = regexp.MustCompile(`^(?s:(.*?)(?:: )?)request error after \d+ attempt\(s\): (?:databricks: retryableError: )?unexpected HTTP status (\d{3}\b.*)$`)
	requestURL = regexp.MustCompile(`(?:Post|Get) "[^"]*": `)
)

func readRequestError(err error) *requestError {
	e := &requestError{cause: err, text: strings.Join(strings.Fields(err.Error()), " ")}
	if at := requestURL.FindStringIndex(e.text); at != nil { // once more within, when it was tried again
		e.text = strings.ReplaceAll(e.text[at[1]:], e.text[at[0]:at[1]], "")
	}
	if found := httpStatus.FindStringSubmatch(e.text); found != nil {
		e.status, _ = strconv.Atoi(found[2][:3]) // three digits
		e.text = "HTTP " + found[2]
		if found[1] != "" {
			e.text += ": " + found[1]
		}
	}
	return e
}

// refused says what to do about a request that was refused or lost. One that was lost may be made again, even when it was a MERGE that
// the server carried out: merging again changes nothing.
func (l *Lake) refused(err error, request *requestError) error {
	settings := "lake.url"
	if l.dialect.liquid {
		settings = "lake.host and lake.warehouse"
	}
	switch request.status {
	case http.StatusUnauthorized:
		return fmt.Errorf("%w: %s refuses the credentials: correct or renew the ones under lake in tributary.yaml, or the profile's: %w", lake.ErrDenied, l.where, err)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %s refuses this account: renew its token or secret when that is what it says, else grant it CAN USE: %w", lake.ErrDenied, l.where, err)
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone: // Spark's server says 405 of a path that it does not have
		return fmt.Errorf("%w: there is no %s: correct %s: %w", lake.ErrSetup, l.where, settings, err)
	case 0:
		if neverReached(err) {
			return fmt.Errorf("%w: %s cannot be reached: correct %s: %w", lake.ErrSetup, l.where, settings, err)
		}
	}
	return fmt.Errorf("%s did not answer as it should; run again when it does, or correct %s: %w", l.where, settings, err)
}

// neverReached says whether no other try would reach the server either.
func neverReached(err error) bool {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &name) && name.IsNotFound || errors.As(err, &certificate) || errors.As(err, new(tls.RecordHeaderError)) ||
		errors.Is(err, http.ErrSchemeMismatch)
}
