package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/table"
)

// afterSync runs what is configured to run after a sync: in dependency order, independent entries side by side.
type afterSync struct {
	in       SyncInput
	progress *Progress // its Summary says how the sync itself went
	results  map[string]table.AfterResult
}

// runAfter runs what comes after the sync and returns what became of each entry, in the order of the configuration.
func runAfter(ctx workflow.Context, in SyncInput, progress *Progress) []table.AfterResult {
	if len(in.Sync.After) == 0 {
		return nil
	}
	a := afterSync{in: in, progress: progress, results: map[string]table.AfterResult{}}
	wait := workflow.NewWaitGroup(ctx)
	for _, entry := range in.Sync.After {
		wait.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wait.Done()
			a.await(ctx, entry.After)
			a.results[entry.Name] = a.run(ctx, entry)
		})
	}
	disconnected, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	wait.Wait(disconnected)
	var results []table.AfterResult
	for _, entry := range in.Sync.After {
		results = append(results, a.results[entry.Name])
	}
	return results
}

// await waits until the entries have ended, which they do by themselves when the run is cancelled.
func (a *afterSync) await(ctx workflow.Context, names []string) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	_ = workflow.Await(ctx, func() bool { // fails only when cancelled
		return !slices.ContainsFunc(names, func(name string) bool { return a.results[name].Status == "" })
	})
}

func (a *afterSync) run(ctx workflow.Context, entry config.After) table.AfterResult {
	result := table.AfterResult{Name: entry.Name, Status: table.StatusSkipped}
	if ctx.Err() != nil {
		result.Status, result.Error = table.StatusCancelled, "cancelled before it began"
		return result
	}
	if result.Error = a.obstacle(entry); result.Error != "" {
		return result
	}
	began := workflow.Now(ctx)
	a.progress.After = append(a.progress.After, entry.Name)
	var err error
	if entry.Job != 0 {
		result.URL, err = a.runJob(ctx, entry)
	} else {
		err = a.runStatements(ctx, entry)
	}
	a.progress.After = except(a.progress.After, []string{entry.Name})
	result.Took, result.Status = workflow.Now(ctx).Sub(began), statusOf(err)
	if err != nil {
		result.Error = table.Shorten(afterReason(err))
	}
	return result
}

// afterReason is Reason, but for the timeout, which has a setting of its own.
func afterReason(err error) string {
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) && timeout.TimeoutType() != enums.TIMEOUT_TYPE_HEARTBEAT {
		return tooLong
	}
	return Reason(err)
}

// obstacle says why an entry must not run; "" when it may.
func (a *afterSync) obstacle(entry config.After) string {
	needs, arrived := entry.Needs, a.in.tables()
	if len(needs) == 0 {
		for _, spec := range a.in.Sync.Tables {
			needs = append(needs, spec.Target)
		}
	}
	switch without, incomplete := except(needs, arrived), only(needs, a.progress.Summary.Incomplete); {
	case a.in.Mode.Backfill():
		return "a backfill does not run it"
	case len(a.in.Select.Regions)+len(a.in.Select.Clients) > 0:
		return "the run was narrowed to some clients"
	case len(without) > 0:
		return "the run was narrowed to tables without " + nameSome(without)
	case a.progress.Summary.Clients == 0:
		return "no client was synced"
	case len(incomplete) > 0:
		return "not every client's rows arrived in " + nameSome(incomplete)
	}
	for _, name := range entry.After {
		if status := a.results[name].Status; status != table.StatusOK {
			return fmt.Sprintf("%s, which it comes after, was not ok (%s)", name, status)
		}
	}
	return ""
}

func except(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}

func only(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(others, name) })
}

func nameSome(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return strings.Join(names, ", ")
}

func (a *afterSync) runStatements(ctx workflow.Context, entry config.After) error {
	var acts *activities.Activities
	deadline := workflow.Now(ctx).Add(entry.Timeout)
	for i, statement := range entry.SQL {
		left := deadline.Sub(workflow.Now(ctx))
		if left < time.Second { // Temporal would take none for no limit
			return errTooLong
		}
		in := activities.RunStatementInput{Schema: a.in.Sync.Target.Central(), Statement: statement}
		if err := workflow.ExecuteActivity(statementOptions(ctx, a.in.Sync, left), acts.RunStatement, in).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("statement failed", "after", entry.Name, "statement", i+1, "error", err)
			return err
		}
	}
	return nil
}

// runJob starts the job, and waits for it where the entry says so. It returns the address of the run's page where it is known.
func (a *afterSync) runJob(ctx workflow.Context, entry config.After) (url string, err error) {
	var acts *activities.Activities
	disconnected, cancel := workflow.NewDisconnectedContext(ctx) // a run that was started must be known to be cancelled
	defer cancel()
	in := activities.StartJobInput{Job: entry.Job, Parameters: a.parameters(ctx, entry), Token: token(ctx, entry)}
	began := workflow.Now(ctx)
	var started activities.StartedJob
	if err := workflow.ExecuteActivity(startJobOptions(disconnected, a.in.Sync, entry.Timeout), acts.StartJob, in).Get(disconnected, &started); err != nil || !entry.Wait {
		return "", err
	}
	left := max(entry.Timeout-workflow.Now(ctx).Sub(began), time.Second)
	var run activities.JobRun
	err = workflow.ExecuteActivity(awaitJobOptions(ctx, a.in.Sync, left), acts.AwaitJob, started).Get(ctx, &run)
	if err != nil && !hasEnded(err, &run) { // cancelled, or out of time: it is not to meet the next sync's
		if stopErr := workflow.ExecuteActivity(startJobOptions(disconnected, a.in.Sync, cancelTime), acts.CancelJob, started).Get(disconnected, nil); stopErr != nil {
			workflow.GetLogger(ctx).Warn("job not cancelled", "after", entry.Name, "run_id", started.Run, "error", stopErr)
		}
	}
	return run.URL, err
}

// hasEnded says whether an error is that of a run that ended, and returns the run.
func hasEnded(err error, run *activities.JobRun) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == activities.ErrorJob && app.Details(run) == nil
}

// parameters are the job's parameters without placeholders; config.Placeholders has them all.
func (a *afterSync) parameters(ctx workflow.Context, entry config.After) map[string]string {
	info := workflow.GetInfo(ctx)
	replacer := strings.NewReplacer(
		"${sync}", a.in.Sync.Name, "${schema}", a.in.Sync.Target.Central(),
		"${run_id}", info.WorkflowExecution.RunID, "${date}", info.WorkflowStartTime.UTC().Format(time.DateOnly),
	)
	replaced := make(map[string]string, len(entry.Parameters))
	for _, name := range workflow.DeterministicKeys(entry.Parameters) {
		replaced[name] = replacer.Replace(entry.Parameters[name])
	}
	return replaced
}

// token makes sure that a run of the sync runs the job once. It has the 64 characters that Databricks allows.
func token(ctx workflow.Context, entry config.After) string {
	sum := sha256.Sum256([]byte(workflow.GetInfo(ctx).WorkflowExecution.RunID + "/" + entry.Name))
	return hex.EncodeToString(sum[:])
}

const tooLong = "it took longer than its timeout; raise the timeout of the entry if it needs more"

// errTooLong says that an entry's time was over before its next statement.
var errTooLong = temporal.NewNonRetryableApplicationError(tooLong, "Timeout", nil)
