package config

import (
	"fmt"
	"time"

	"tributary/config/strict"
	"tributary/internal/table"
)

// Sync is a named job, checked and complete with defaults. It is the workflow's input: it holds
// secret references, no secrets, and serialises to JSON and back without loss.
type Sync struct {
	Name     string       `json:"name"`
	Schedule Schedule     `json:"schedule,omitzero"`
	Parallel Parallel     `json:"parallel"`
	Target   Target       `json:"target"`
	Regions  []string     `json:"regions,omitempty"` // empty: all
	Clients  []string     `json:"clients,omitempty"` // ids; empty: all
	Retry    Retry        `json:"retry"`
	Timeouts Timeouts     `json:"timeouts"`
	Tables   []table.Spec `json:"tables"` // at least one
	Maintain Maintain     `json:"maintain,omitzero"`
	After    []After      `json:"after,omitempty"` // at most maxAfters
}

// Schedule says when a sync runs by itself: by Cron or by Every; with neither, only when someone starts it.
type Schedule struct {
	// Cron is five fields, or @daily and the like. Where both a day of the month and a day of the week
	// are given, Temporal runs on days that match both, not either as cron does.
	Cron     string        `json:"cron,omitempty"`
	Every    time.Duration `json:"every,omitempty"`
	TimeZone string        `json:"time_zone,omitempty"` // of Cron; default UTC
	Jitter   time.Duration `json:"jitter,omitempty"`    // each run starts up to this much later
	Overlap  string        `json:"overlap,omitempty"`   // while the last run is still going: one of Overlaps; default skip
	CatchUp  time.Duration `json:"catch_up,omitempty"`  // how late a missed run may still start; default 24h, at least 10s
	Paused   bool          `json:"paused,omitempty"`
}

// Scheduled says whether the sync has a schedule.
func (s Schedule) Scheduled() bool { return s.Cron != "" || s.Every > 0 }

// What a schedule does when the last run is still going: Temporal's overlap policies.
const (
	OverlapSkip        = "skip"
	OverlapBufferOne   = "buffer_one"
	OverlapBufferAll   = "buffer_all"
	OverlapCancelOther = "cancel_other"
	OverlapAllowAll    = "allow_all"
)

// Parallel bounds what runs at once.
type Parallel struct {
	Clients         int `json:"clients"`           // in one region; default 8
	TablesPerClient int `json:"tables_per_client"` // default 2
}

// Target is where the central tables live.
type Target struct {
	Catalog string `json:"catalog,omitempty"`
	Schema  string `json:"schema"`
}

// Central is the central schema as the lake is told it: catalog.schema, or the schema alone. No name has a dot in it.
func (t Target) Central() string {
	if t.Catalog == "" {
		return t.Schema
	}
	return t.Catalog + "." + t.Schema
}

// Retry is how often and how fast a failed step is tried again.
type Retry struct {
	Attempts int           `json:"attempts"` // in all; default 6
	Initial  time.Duration `json:"initial"`  // before the second try, then doubling; default 1s
	Max      time.Duration `json:"max"`      // the longest pause; default 1m
}

// Timeouts bound the steps.
type Timeouts struct {
	Extract   time.Duration `json:"extract"`   // default 12h
	Step      time.Duration `json:"step"`      // every other step; default 6h
	Heartbeat time.Duration `json:"heartbeat"` // silence after which a step counts as lost; default 30s
}

// syncFile is a sync as it is written.
type syncFile struct {
	Schedule Schedule    `json:"schedule"`
	Parallel Parallel    `json:"parallel"`
	Target   Target      `json:"target"`
	Regions  []string    `json:"regions"`
	Clients  []string    `json:"clients"`
	Retry    Retry       `json:"retry"`
	Timeouts Timeouts    `json:"timeouts"`
	Tables   []tableFile `json:"tables"`
	Maintain Maintain    `json:"maintain"`
	After    []afterFile `json:"after"`
}

// readSync reads and checks one sync.
func readSync(f *strict.File, name string) Sync {
	written := syncFile{
		Parallel: Parallel{Clients: 8, TablesPerClient: 2},
		Retry:    Retry{Attempts: 6, Initial: time.Second, Max: time.Minute},
		Timeouts: Timeouts{Extract: 12 * time.Hour, Step: 6 * time.Hour, Heartbeat: 30 * time.Second},
		Maintain: defaultMaintain(),
	}
	f.Decode(&written)
	s := Sync{
		Name: name, Schedule: written.Schedule, Parallel: written.Parallel, Target: written.Target,
		Regions: written.Regions, Clients: written.Clients, Retry: written.Retry, Timeouts: written.Timeouts, Maintain: written.Maintain,
	}
	if !f.Parsed() {
		return s
	}
	c := checker{f}
	c.schedule("schedule", &s.Schedule)
	c.schedule("maintain.schedule", &s.Maintain.Schedule)
	c.sync(s)
	for i, t := range written.Tables {
		s.Tables = append(s.Tables, c.table(element("tables", i), t))
	}
	c.targets(s.Tables)
	c.afters(&s, written.After)
	return s
}

func (c checker) sync(s Sync) {
	c.atLeast("parallel.clients", int64(s.Parallel.Clients), 1)
	c.atLeast("parallel.tables_per_client", int64(s.Parallel.TablesPerClient), 1)
	if c.required("target.schema", s.Target.Schema) {
		c.central("target.schema", s.Target.Schema, "a central schema")
	}
	if s.Target.Catalog != "" {
		c.central("target.catalog", s.Target.Catalog, "a catalog")
	}
	c.names("regions", s.Regions, element, c.Add)
	c.names("clients", s.Clients, element, c.Add)
	c.atLeast("retry.attempts", int64(s.Retry.Attempts), 1)
	c.positive("retry.initial", s.Retry.Initial)
	if s.Retry.Max < s.Retry.Initial {
		c.Add("retry.max", "is shorter than retry.initial", "raise it, or lower retry.initial")
	}
	c.timeouts(s.Timeouts)
}

func (c checker) timeouts(t Timeouts) {
	c.positive("timeouts.extract", t.Extract)
	c.positive("timeouts.step", t.Step)
	if t.Heartbeat < 3*time.Second { // a step reports every second, and Temporal is told after 4/5 of the timeout
		c.Add("timeouts.heartbeat", "is shorter than 3s: a step that reports in time would count as lost", "write a longer time, such as 30s")
	}
}

// targets checks that no two tables of a sync go to the same central table.
func (c checker) targets(tables []table.Spec) {
	if len(tables) == 0 {
		c.Add("tables", "has no table", "list at least one, such as - name: orders")
	}
	first := map[string]int{}
	for i, t := range tables {
		for _, target := range t.Targets() {
			key := fold(target)
			if earlier, twice := first[key]; twice && key != "" {
				c.Add(element("tables", i), fmt.Sprintf("goes to the central table %q, as tables[%d] does", target, earlier), "give one of them another target")
				continue
			}
			first[key] = i
		}
	}
}
