package workspace

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// Request is a request that arrived, refused ones included.
type Request struct {
	Method, Path, Query, UserAgent string
	Call                           string // the Thrift method, of requests to the SQL endpoint
}

// ServeHTTP records a request, plays the faults that wait for it, checks its token, and hands it to its endpoint.
func (w *Workspace) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	call := thriftCall(r)
	w.record(r, call)
	fault, ok := w.nextFault(r, call)
	switch {
	case !ok:
		w.serve(answer, r)
	case fault.play(answer, r):
	case fault.Lost:
		w.serve(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case fault.Truncate > 0:
		r.Body, r.ContentLength = io.NopCloser(io.LimitReader(r.Body, fault.Truncate)), fault.Truncate
		w.serve(answer, r)
	default:
		w.serve(&cutWriter{ResponseWriter: answer, left: fault.CutResponse}, r)
	}
}

func (w *Workspace) serve(answer http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/.well-known/"), strings.HasPrefix(r.URL.Path, "/oidc/"):
		w.serveSignIn(answer, r)
	case !w.signedIn(answer, r):
	case strings.HasPrefix(r.URL.Path, "/api/2.0/fs/"):
		w.serveFiles(answer, r)
	case strings.HasPrefix(r.URL.Path, "/api/2.0/secrets/"):
		w.serveSecrets(answer, r)
	case strings.HasPrefix(r.URL.Path, "/api/2.2/jobs/"):
		w.serveJobs(answer, r)
	case strings.HasPrefix(r.URL.Path, "/api/2.0/sql/warehouses"):
		w.serveWarehouses(answer, r)
	case strings.HasPrefix(r.URL.Path, "/sql/1.0/"):
		w.serveSQL(answer, r)
	default:
		refuse(answer, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.Method+" "+r.URL.Path+"'")
	}
}

// signedIn answers as Databricks does: 401 without a token, 403 with one that is unknown or expired.
func (w *Workspace) signedIn(answer http.ResponseWriter, r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		refuseCredentials(answer, http.StatusUnauthorized, "Credential was not sent or was of an unsupported type for this API.")
		return false
	}
	w.mu.Lock()
	until, known := w.tokens[token]
	w.mu.Unlock()
	if !known || !until.IsZero() && time.Now().After(until) {
		refuseCredentials(answer, http.StatusForbidden, "Invalid access token.")
		return false
	}
	return true
}

func (w *Workspace) record(r *http.Request, call string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery, r.UserAgent(), call})
}

// Requests returns the requests so far, in the order of their arrival.
func (w *Workspace) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Count returns how many requests there were so far with that method ("" for any) and a path that begins so.
func (w *Workspace) Count(method, prefix string) int {
	count := 0
	for _, r := range w.Requests() {
		if (method == "" || r.Method == method) && strings.HasPrefix(r.Path, prefix) {
			count++
		}
	}
	return count
}

// Calls returns how many calls of a Thrift method there were so far.
func (w *Workspace) Calls(method string) int {
	count := 0
	for _, r := range w.Requests() {
		if r.Call == method {
			count++
		}
	}
	return count
}

type object = map[string]any

func reply(answer http.ResponseWriter, status int, body any) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	if err := json.NewEncoder(answer).Encode(body); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}

// refuse answers with an error of the REST API.
func refuse(answer http.ResponseWriter, status int, code, message string) {
	reply(answer, status, object{"error_code": code, "message": message})
}

// refuseFile answers with an error of the Files API, which tells its reason beside the code.
func refuseFile(answer http.ResponseWriter, status int, code, reason, message string) {
	reply(answer, status, object{"error_code": code, "message": message, "details": []object{{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "filesystem.databricks.com",
	}}})
}

// refuseCredentials answers as the gateway before the API does: the code is the status, as a number.
func refuseCredentials(answer http.ResponseWriter, status int, message string) {
	answer.Header().Set("X-Databricks-Reason-Phrase", message)
	reply(answer, status, object{"error_code": status, "message": message})
}
