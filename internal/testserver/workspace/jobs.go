package workspace

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// Job is a job that can be run. A run is PENDING when it is first asked for, then RUNNING, then ends.
type Job struct {
	ID      int64
	Running int    // how many times a run is asked for and found RUNNING; default 1
	Result  string // the result_state of its runs: SUCCESS, the default, FAILED, TIMEDOUT, …
	Message string
	Skipped bool // its runs end as SKIPPED at once, as when too many are open
}

type run struct {
	id         int64
	job        Job
	token      string
	asked      int
	cancelled  bool
	parameters map[string]string
}

// AddJob makes a job.
func (w *Workspace) AddJob(j Job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.Result == "" {
		j.Result = "SUCCESS"
	}
	j.Running = max(j.Running, 1)
	w.jobs[j.ID] = j
}

// Runs returns the parameters of a job's runs, in their order.
func (w *Workspace) Runs(jobID int64) []map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []map[string]string
	for _, r := range w.runs {
		if r.job.ID == jobID {
			all = append(all, r.parameters)
		}
	}
	return all
}

func (w *Workspace) serveJobs(answer http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /api/2.2/jobs/run-now":
		w.runNow(answer, r)
	case "GET /api/2.2/jobs/runs/get":
		id, err := strconv.ParseInt(r.URL.Query().Get("run_id"), 10, 64)
		w.withRun(answer, id, err, func(found *run) { reply(answer, http.StatusOK, found.next(w.URL)) })
	case "POST /api/2.2/jobs/runs/cancel":
		var body struct {
			RunID int64 `json:"run_id"`
		}
		err := json.NewDecoder(r.Body).Decode(&body)
		w.withRun(answer, body.RunID, err, func(found *run) {
			found.cancelled = found.cancelled || !found.ended()
			reply(answer, http.StatusOK, object{})
		})
	default:
		refuse(answer, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.Method+" "+r.URL.Path+"'")
	}
}

func (w *Workspace) runNow(answer http.ResponseWriter, r *http.Request) {
	var body struct {
		JobID      int64             `json:"job_id"`
		Token      string            `json:"idempotency_token"`
		Parameters map[string]string `json:"job_parameters"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(answer, http.StatusBadRequest, "MALFORMED_REQUEST", "Could not parse request object: "+err.Error())
		return
	}
	denied := w.isDenied(fmt.Sprintf("CAN MANAGE RUN %d", body.JobID))
	w.mu.Lock()
	defer w.mu.Unlock()
	job, known := w.jobs[body.JobID]
	switch {
	case !known:
		refuse(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", fmt.Sprintf("Job %d does not exist.", body.JobID))
		return
	case denied:
		refuse(answer, http.StatusForbidden, "PERMISSION_DENIED", fmt.Sprintf("User does not have Manage Run or Owner permissions on job %d", body.JobID))
		return
	case len(body.Token) > 64:
		refuse(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", "The idempotency token can have at most 64 characters.")
		return
	}
	at := slices.IndexFunc(w.runs, func(old *run) bool { return body.Token != "" && old.token == body.Token })
	if at < 0 { // otherwise the run that began under this token is the answer
		at = len(w.runs)
		w.runs = append(w.runs, &run{id: int64(1000 + at), job: job, token: body.Token, parameters: body.Parameters})
	}
	reply(answer, http.StatusOK, object{"run_id": w.runs[at].id, "number_in_job": w.runs[at].id})
}

func (w *Workspace) withRun(answer http.ResponseWriter, id int64, err error, use func(*run)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.IndexFunc(w.runs, func(r *run) bool { return r.id == id })
	if err != nil || at < 0 {
		refuse(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", fmt.Sprintf("Run %d does not exist.", id))
		return
	}
	use(w.runs[at])
}

func (r *run) ended() bool { return r.cancelled || r.job.Skipped || r.asked > r.job.Running }

// next is the run's state; asking for it brings the run forward.
func (r *run) next(url string) object {
	state := object{"life_cycle_state": "PENDING", "state_message": "Waiting for cluster"}
	switch {
	case r.cancelled:
		state = object{"life_cycle_state": "TERMINATED", "result_state": "CANCELED", "state_message": "Run cancelled.", "user_cancelled_or_timedout": true}
	case r.job.Skipped:
		state = object{"life_cycle_state": "SKIPPED", "state_message": r.job.Message}
	case r.ended():
		state = object{"life_cycle_state": "TERMINATED", "result_state": r.job.Result, "state_message": r.job.Message}
	case r.asked > 0:
		state = object{"life_cycle_state": "RUNNING", "state_message": "In run"}
	}
	r.asked++
	return object{"run_id": r.id, "job_id": r.job.ID, "state": state, "run_page_url": fmt.Sprintf("%s/jobs/%d/runs/%d", url, r.job.ID, r.id)}
}
