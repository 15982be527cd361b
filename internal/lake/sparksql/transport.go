package sparksql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
)

// sparkTransport lets the Databricks driver talk to an open-source Spark Thrift server, which differs in four ways
// (measured with Spark 4.0.1 and databricks-sql-go v1.14.0):
//   - Spark wants Basic authentication, where the driver sends a bearer token or none.
//   - The driver announces its protocol in a field of its own. Spark reads another, finds 0 there, and answers in a format
//     of rows in which the driver sees none, without an error.
//   - Spark says why a statement failed in field 5 of the operation's status; the driver reads only field 1281.
//   - Spark says of every page of a result that it is the last one. The driver believes it, and the rows after the first
//     page would be lost without an error.
type sparkTransport struct {
	base           http.RoundTripper
	user, password string
	told           atomic.Int64 // when a request without an answer was last logged, in nanoseconds since 1970
}

// tellEvery is how often requests without an answer are logged: the driver tries on for a while, and says nothing.
const tellEvery = time.Minute

// RoundTrip implements http.RoundTripper.
func (t *sparkTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil { // a question for Databricks' feature flags, not Thrift: of another port, which must not see the password
		return &http.Response{
			Status: "404 Not Found", StatusCode: http.StatusNotFound, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: http.NoBody, Request: request,
		}, nil
	}
	response, err := t.roundTrip(request)
	if err == nil || request.Context().Err() != nil {
		return response, err
	}
	if last, now := t.told.Load(), time.Now().UnixNano(); now-last > int64(tellEvery) && t.told.CompareAndSwap(last, now) {
		slog.WarnContext(request.Context(), "Spark does not answer; it is asked again for a while", "url", request.URL.Redacted(), "error", err)
	}
	return nil, err
}

func (t *sparkTransport) roundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.SetBasicAuth(t.user, t.password)
	body, err := io.ReadAll(request.Body)
	if err := errors.Join(err, request.Body.Close()); err != nil {
		return nil, err
	}
	method := methodOf(body)
	if method == "OpenSession" {
		if body, err = rewrite(body, announceProtocol); err != nil {
			return nil, err
		}
	}
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response, err := t.base.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	switch method {
	case "GetOperationStatus":
		return replaceBody(response, showError)
	case "FetchResults":
		return replaceBody(response, sayWhetherMore)
	}
	return response, nil
}

func replaceBody(response *http.Response, edit editor) (*http.Response, error) {
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err == nil {
		body, err = rewrite(body, edit)
	}
	if err != nil {
		return nil, fmt.Errorf("spark's answer was cut off or is no Thrift: %w", err)
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response.Header.Del("Content-Length")
	return response, nil
}

// An editor may write a field in place of the one that is about to be copied, whose path of field ids it is given; it
// returns whether it has read the field's value.
type editor func(ctx context.Context, path []int16, kind thrift.TType, from, to thrift.TProtocol) (read bool, err error)

// columnsProtocol is Thrift's HIVE_CLI_SERVICE_PROTOCOL_V8: results are columns.
const columnsProtocol = 7

// announceProtocol sets client_protocol, field 1 of the request in field 1 of OpenSession's arguments.
func announceProtocol(ctx context.Context, path []int16, kind thrift.TType, from, to thrift.TProtocol) (bool, error) {
	if len(path) != 2 || path[0] != 1 || path[1] != 1 || kind != thrift.I32 {
		return false, nil
	}
	if _, err := from.ReadI32(ctx); err != nil {
		return true, err
	}
	return true, writeField(ctx, to, thrift.I32, 1, func() error { return to.WriteI32(ctx, columnsProtocol) })
}

// Fields of TGetOperationStatusResp.
const (
	errorMessage   = 5
	displayMessage = 1281
)

// showError copies errorMessage, in field 0 of GetOperationStatus's result, as displayMessage too.
func showError(ctx context.Context, path []int16, kind thrift.TType, from, to thrift.TProtocol) (bool, error) {
	if len(path) != 2 || path[0] != 0 || path[1] != errorMessage || kind != thrift.STRING {
		return false, nil
	}
	text, err := from.ReadString(ctx)
	for _, id := range []int16{errorMessage, displayMessage} {
		if err == nil {
			err = writeField(ctx, to, thrift.STRING, id, func() error { return to.WriteString(ctx, text) })
		}
	}
	return true, err
}

// Fields of TFetchResultsResp, TRowSet and TColumn, whichever its type is.
const (
	hasMoreRows = 2
	results     = 3
	columns     = 3
	values      = 1
)

// sayWhetherMore sets hasMoreRows, in field 0 of FetchResults's result: behind a page with rows there is another one, which may be
// empty. How many rows make a full page is up to the server.
func sayWhetherMore(ctx context.Context, path []int16, kind thrift.TType, from, to thrift.TProtocol) (bool, error) {
	switch {
	case len(path) != 2 || path[0] != 0:
		return false, nil
	case path[1] == hasMoreRows && kind == thrift.BOOL:
		_, err := from.ReadBool(ctx)
		return true, err
	case path[1] != results || kind != thrift.STRUCT:
		return false, nil
	}
	rows := 0
	err := writeField(ctx, to, thrift.STRUCT, results, func() error {
		return copier{from, to, countRows(&rows)}.fields(ctx, nil)
	})
	if err != nil {
		return true, err
	}
	return true, writeField(ctx, to, thrift.BOOL, hasMoreRows, func() error { return to.WriteBool(ctx, rows > 0) })
}

// countRows counts the values of a column of a TRowSet on their way.
func countRows(rows *int) editor {
	return func(ctx context.Context, path []int16, kind thrift.TType, from, to thrift.TProtocol) (bool, error) {
		if len(path) != 3 || path[0] != columns || path[2] != values || kind != thrift.LIST {
			return false, nil
		}
		return true, writeField(ctx, to, thrift.LIST, values, func() error {
			element, n, err := from.ReadListBegin(ctx)
			if err != nil {
				return err
			}
			*rows = n
			err = to.WriteListBegin(ctx, element, n)
			return copier{from, to, copyAll}.repeat(ctx, err, n, nil, element)
		})
	}
}

func copyAll(context.Context, []int16, thrift.TType, thrift.TProtocol, thrift.TProtocol) (bool, error) {
	return false, nil
}

func writeField(ctx context.Context, to thrift.TProtocol, kind thrift.TType, id int16, value func() error) error {
	if err := to.WriteFieldBegin(ctx, "", kind, id); err != nil {
		return err
	}
	return value()
}
