package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"tributary/config"
	"tributary/workflows"
)

type applyResult struct {
	DryRun    bool      `json:"dry_run"`
	Schedules []applied `json:"schedules"`
}

// apply applies the schedules of dir and returns what was done, by sync.
func apply(t *testing.T, dir string, args ...string) map[string]applied {
	t.Helper()
	code, out, errOut := tributary(t, dir, append([]string{"schedule", "apply", "-o", "json"}, args...)...)
	require.Equal(t, codeOK, code, errOut)
	var result applyResult
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	done := map[string]applied{}
	for _, s := range result.Schedules {
		require.Equal(t, "sync", s.Starts)
		done[s.Sync] = s
	}
	return done
}

func describe(t *testing.T, sync string) *client.ScheduleDescription {
	t.Helper()
	d, err := temporalServer.Client.ScheduleClient().GetHandle(t.Context(), workflows.SyncID(sync)).Describe(t.Context())
	require.NoError(t, err)
	return d
}

func rewrite(t *testing.T, dir, file, before, after string) {
	t.Helper()
	path := filepath.Join(dir, file)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), before)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(data), before, after)), 0o600))
}

// TestSchedulesFollowTheConfiguration is one story, since schedules belong to the whole namespace.
func TestSchedulesFollowTheConfiguration(t *testing.T) {
	dir := configDir(t, map[string]string{
		"daily.yaml":  testSync,
		"hourly.yaml": strings.Replace(testSync, `cron: "0 2 * * *", jitter: 5m`, "every: 1h, overlap: buffer_one, catch_up: 10m, paused: true", 1),
		"never.yaml":  "target: {schema: central}\ntables: [{name: orders, cursor: updated_at}]\n",
	})
	foreign, err := temporalServer.Client.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: "sync/foreign", Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: "x", Workflow: "X", TaskQueue: "x"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, foreign.Delete(context.WithoutCancel(t.Context()))) })

	created := apply(t, dir, "--dry-run")
	require.Equal(t, scheduleCreated, created["daily"].Action)
	_, err = temporalServer.Client.ScheduleClient().GetHandle(t.Context(), "sync/daily").Describe(t.Context())
	require.True(t, isNotFound(err), "a dry run changes nothing")

	require.Equal(t, created, apply(t, dir))
	require.NotContains(t, created, "never")
	daily := describe(t, "daily")
	in := appliedInput(daily)
	require.NotNil(t, in)
	sync, err := loadConfig(t, dir).Sync("daily")
	require.NoError(t, err)
	sync.Maintain = config.Maintain{} // it has a schedule of its own
	require.Equal(t, workflows.SyncInput{Sync: sync}, *in)
	require.Equal(t, 24*time.Hour, daily.Schedule.Policy.CatchupWindow)
	require.Equal(t, 2, daily.Info.NextActionTimes[0].UTC().Hour())
	require.True(t, describe(t, "hourly").Schedule.State.Paused)

	unchanged := map[string]applied{"daily": {"daily", "sync", scheduleUnchanged, nil}, "hourly": {"hourly", "sync", scheduleUnchanged, nil}}
	require.Equal(t, unchanged, apply(t, dir))

	t.Run("OKUpdatedAndAPauseIsKept", func(t *testing.T) {
		code, _, errOut := tributary(t, dir, "schedule", "pause", "daily", "--note", "holidays")
		require.Equal(t, codeOK, code, errOut)
		require.Equal(t, unchanged, apply(t, dir))
		rewrite(t, dir, "daily.yaml", `"0 2 * * *", jitter: 5m`, `"30 4 * * 1-5", time_zone: Europe/Vienna`)
		rewrite(t, dir, "daily.yaml", "name: kunden", "where: id > 7, name: kunden")
		want := []string{"times: 0 2 * * * UTC → 30 4 * * 1-5 Europe/Vienna", "time zone: UTC → Europe/Vienna", "jitter: 5m → 0s", "table customers changed"}
		done := apply(t, dir)
		require.Equal(t, applied{"daily", "sync", scheduleUpdated, want}, done["daily"])
		require.Equal(t, unchanged, apply(t, dir))
		state := describe(t, "daily").Schedule.State
		require.True(t, state.Paused)
		require.Equal(t, "holidays", state.Note)
		require.Equal(t, "id > 7", appliedInput(describe(t, "daily")).Sync.Tables[1].Where)
		code, _, errOut = tributary(t, dir, "schedule", "resume", "daily")
		require.Equal(t, codeOK, code, errOut)
		require.False(t, describe(t, "daily").Schedule.State.Paused)
	})
	t.Run("OKPausedInTheConfigurationCounts", func(t *testing.T) {
		rewrite(t, dir, "hourly.yaml", ", paused: true", "")
		require.Equal(t, []string{"paused: true → false"}, apply(t, dir)["hourly"].Changes)
		require.False(t, describe(t, "hourly").Schedule.State.Paused)
		require.Equal(t, unchanged, apply(t, dir))
	})
	t.Run("OKWhatSomebodyChangedElsewhereIsPutBack", func(t *testing.T) {
		handle := temporalServer.Client.ScheduleClient().GetHandle(t.Context(), "sync/daily")
		require.NoError(t, handle.Update(t.Context(), client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			in.Description.Schedule.Spec.Calendars[0].Hour[0] = client.ScheduleRange{Start: 5, End: 5, Step: 1}
			return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
		}}))
		require.Equal(t, []string{"times: changed elsewhere → 30 4 * * 1-5 Europe/Vienna"}, apply(t, dir)["daily"].Changes)
		require.Equal(t, unchanged, apply(t, dir))
	})
	t.Run("OKListed", func(t *testing.T) {
		code, out, errOut := tributary(t, dir, "schedule", "list", "-o", "json")
		require.Equal(t, codeOK, code, errOut)
		var rows []listed
		require.NoError(t, json.Unmarshal([]byte(out), &rows))
		require.Len(t, rows, 2)
		require.Equal(t, []string{"30 4 * * 1-5 Europe/Vienna", "every 1h"}, []string{rows[0].Schedule, rows[1].Schedule})
		require.NotNil(t, rows[0].Next)
		require.Equal(t, "active", rows[0].State)
	})
	t.Run("OKDeletedWithTheSectionOrTheSyncAndOthersAreLeftAlone", func(t *testing.T) {
		rewrite(t, dir, "daily.yaml", "schedule:", "# schedule:")
		require.NoError(t, os.Remove(filepath.Join(dir, "hourly.yaml")))
		var done map[string]applied
		require.Eventually(t, func() bool { // Temporal's list of schedules is a moment late
			done = apply(t, dir, "--dry-run")
			return len(done) == 2
		}, 2*time.Minute, 200*time.Millisecond)
		require.Equal(t, done, apply(t, dir))
		require.Equal(t, scheduleDeleted, done["daily"].Action)
		require.Equal(t, scheduleDeleted, done["hourly"].Action)
		_, err := foreign.Describe(t.Context())
		require.NoError(t, err)
		require.Eventually(t, func() bool { return len(apply(t, dir)) == 0 }, 2*time.Minute, 200*time.Millisecond)
	})
	t.Run("ErrForeign", func(t *testing.T) {
		other := configDir(t, map[string]string{"foreign.yaml": testSync})
		code, _, errOut := tributary(t, other, "schedule", "apply")
		require.Equal(t, codeError, code)
		require.Contains(t, errOut, `a schedule "sync/foreign" that tributary did not make`)
	})
	t.Run("ErrNotApplied", func(t *testing.T) {
		code, _, errOut := tributary(t, dir, "schedule", "trigger", "never")
		require.Equal(t, codeError, code)
		require.Contains(t, errOut, "sync never has no schedule")
	})
}

func TestTimesOfTemporalsCalendarsAndOfCronExpressionsCompare(t *testing.T) {
	full := []client.ScheduleRange{{Start: 0, End: 6, Step: 1}}
	spec := client.ScheduleSpec{Calendars: []client.ScheduleCalendarSpec{{
		Second: []client.ScheduleRange{{Start: 0}}, Minute: []client.ScheduleRange{{Start: 0, End: 59, Step: 20}},
		Hour: []client.ScheduleRange{{Start: 8, End: 10}, {Start: 12}}, DayOfMonth: []client.ScheduleRange{{Start: 1, End: 31}},
		Month: []client.ScheduleRange{{Start: 1, End: 12}}, DayOfWeek: full,
	}}}
	have, err := timesOf(spec)
	require.NoError(t, err)
	for expression, equal := range map[string]bool{"*/20 8-10,12 * * *": true, "0,20,40 8,9,10,12 1-31 1-12 0-6": true, "*/20 8-10 * * *": false, "*/20 8-10,12 * * 1-5": false} {
		want, err := timesOfCron(expression)
		require.NoError(t, err)
		require.Equal(t, equal, have == want, expression)
	}
	spec.StartAt = time.Unix(0, 0)
	bounded, err := timesOf(spec)
	require.NoError(t, err)
	require.NotEqual(t, have, bounded)
}

func TestATooLargeSyncIsRefusedBeforeAnythingChanges(t *testing.T) {
	dir := configDir(t, map[string]string{"big.yaml": strings.Replace(testSync, "target: customers", "target: customers, where: \"id > 0"+strings.Repeat(" and id > 0", 20000)+"\"", 1)})
	for _, args := range [][]string{{"schedule", "apply"}, {"run", "big"}} {
		code, _, errOut := tributary(t, dir, args...)
		require.Equal(t, codeError, code)
		require.Contains(t, errOut, "Temporal takes at most 200 KB: split it into several syncs")
	}
}
