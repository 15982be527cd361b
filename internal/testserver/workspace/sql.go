package workspace

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// serveSQL is the SQL endpoint of a warehouse. One that is stopped starts, and until it runs every request is told to come again, as
// at Databricks: 503, with the words in a header.
func (w *Workspace) serveSQL(answer http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/sql/1.0/warehouses/")
	if !ok {
		id, ok = strings.CutPrefix(r.URL.Path, "/sql/1.0/endpoints/")
	}
	if !ok {
		refuse(answer, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.URL.Path+"'")
		return
	}
	switch state := w.useWarehouse(id); {
	case state == "":
		refuseSQL(answer, http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "SQL warehouse "+id+" does not exist.")
	case w.isDenied("CAN USE " + id):
		refuseSQL(answer, http.StatusForbidden, "PERMISSION_DENIED", "You do not have permission to use the SQL warehouse "+id+".")
	case state != "RUNNING":
		answer.Header().Set("Retry-After", "1")
		refuseSQL(answer, http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", "Warehouse "+id+" is temporarily unavailable.")
	case w.options.SparkURL == "":
		refuseSQL(answer, http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", "There is no Spark behind this workspace: set Options.SparkURL.")
	default:
		w.forward(answer, r)
	}
}

// thriftCall looks which method a request to the SQL endpoint calls, and leaves its body to be read.
func thriftCall(r *http.Request) string {
	if !strings.HasPrefix(r.URL.Path, "/sql/1.0/") {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	m, err := readMessage(body)
	if err != nil {
		return "" // refused later
	}
	return m.name
}

func (w *Workspace) useWarehouse(id string) (state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := w.warehouses[id]
	if found == nil {
		return ""
	}
	found.start(w.options.StartRequests)
	state = found.state
	found.step()
	return state
}

func refuseSQL(answer http.ResponseWriter, status int, code, message string) {
	answer.Header().Set("X-Thriftserver-Error-Message", code+": "+message)
	answer.Header().Set("X-Databricks-Reason-Phrase", message)
	refuse(answer, status, code, message)
}

// forward passes a Thrift call on to Spark, rewritten where the two differ, and Spark's answer back.
func (w *Workspace) forward(answer http.ResponseWriter, r *http.Request) {
	call, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	method, call, err := w.toSpark(call)
	if err != nil {
		refuseSQL(answer, http.StatusBadRequest, "BAD_REQUEST", err.Error())
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, w.options.SparkURL, bytes.NewReader(call))
	if err != nil {
		refuseSQL(answer, http.StatusInternalServerError, "INTERNAL_ERROR", err.Error())
		return
	}
	request.Header.Set("Content-Type", "application/x-thrift")
	request.SetBasicAuth("tributary", "unused") // Spark takes any
	response, err := w.spark.Do(request)
	if err != nil {
		refuseSQL(answer, http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", "Spark does not answer: "+err.Error())
		return
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // as if the warehouse had gone
	}
	if response.StatusCode != http.StatusOK {
		refuseSQL(answer, http.StatusServiceUnavailable, "TEMPORARILY_UNAVAILABLE", fmt.Sprintf("Spark answered %s", response.Status))
		return
	}
	if body, err = fromSpark(method, call, body); err != nil {
		refuseSQL(answer, http.StatusInternalServerError, "INTERNAL_ERROR", err.Error())
		return
	}
	answer.Header().Set("Content-Type", "application/x-thrift")
	_, _ = answer.Write(body)
}
