package workspace

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Fault is what happens to requests instead of, or in the middle of, what they ask for.
type Fault struct {
	Method string // "" for any
	Prefix string // of the path; "" for any
	Call   string // of Thrift, to the SQL endpoint: "FetchResults"; "" for any
	After  int    // how many such requests pass first
	Times  int    // how many such requests it happens to; 0 means 1

	// One of these:
	Status      int   // answered with Code and Message, and with Retry-After when RetryAfter is set
	CutRequest  int64 // the connection is closed after so many bytes of the request's body
	CutResponse int64 // the request is carried out, and the connection closed after so many bytes of the answer's body
	Truncate    int64 // the request is carried out with only so many bytes of its body
	Lost        bool  // the request is carried out, and the connection closed without an answer

	Code       string
	Message    string
	RetryAfter int // seconds
}

// Fail makes a fault wait for its requests.
func (w *Workspace) Fail(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.Times = max(f.Times, 1)
	w.faults = append(w.faults, &f)
}

// NoFaults forgets the faults that still wait.
func (w *Workspace) NoFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

func (w *Workspace) nextFault(r *http.Request, call string) (Fault, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		if f.Times == 0 || f.Method != "" && f.Method != r.Method || f.Call != "" && f.Call != call || !strings.HasPrefix(r.URL.Path, f.Prefix) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		f.Times--
		return *f, true
	}
	return Fault{}, false
}

// play answers the request, or ends its connection. It returns false when the fault is in the answer.
func (f Fault) play(answer http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.CutResponse > 0, f.Lost, f.Truncate > 0:
		return false
	case f.CutRequest > 0:
		_, _ = io.CopyN(io.Discard, r.Body, f.CutRequest) // a shorter body is cut at its end
		panic(http.ErrAbortHandler)
	case f.RetryAfter > 0:
		answer.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	if strings.HasPrefix(r.URL.Path, "/sql/1.0/") { // databricks-sql-go takes the words from a header
		answer.Header().Set("X-Thriftserver-Error-Message", f.Code+": "+f.Message)
	}
	refuse(answer, f.Status, f.Code, f.Message)
	return true
}

// cutWriter passes so many bytes of an answer's body on, and then ends the connection.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) >= c.left {
		_, _ = c.ResponseWriter.Write(p[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := c.ResponseWriter.Write(p)
	c.left -= int64(n)
	return n, err
}
