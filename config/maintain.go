package config

import (
	"fmt"
	"math"
	"time"

	"tributary/config/strict"
)

// Maintain says how the central tables of a sync are kept small and fast, and when.
type Maintain struct {
	Schedule  Schedule      `json:"schedule,omitzero"`   // without one, only `tributary maintain` does it
	Optimize  bool          `json:"optimize"`            // put small files together; default true
	Vacuum    bool          `json:"vacuum"`              // delete files that are no longer needed; default true
	Retention time.Duration `json:"retention,omitempty"` // how far back time travel reaches after a vacuum; default and, but for a local lake, least 168h
	// Staging is how long staged files are left alone. Older ones are of runs that were terminated, of whichever sync, and are removed.
	// Default 168h, or however long a run of any sync may have to merge what it staged.
	Staging time.Duration `json:"staging,omitempty"`
}

const (
	defaultRetention = 7 * 24 * time.Hour // Delta's own default, and the least that it takes without being forced
	leastRetention   = time.Hour          // of a local lake
	defaultStaging   = 7 * 24 * time.Hour
)

func defaultMaintain() Maintain {
	return Maintain{Optimize: true, Vacuum: true, Retention: defaultRetention}
}

// checkMaintain checks the times of a sync's maintenance. longest is how long the files of a running sync may stay staged.
func (c checker) checkMaintain(kind string, m *Maintain, longest time.Duration) {
	least, why := defaultRetention, "Delta takes no less, since a query or merge that runs longer would lose its files"
	if kind == LakeLocal {
		least, why = leastRetention, "a query or merge that runs longer would lose its files"
	}
	switch key := "maintain.retention"; {
	case !m.Vacuum && c.Has(key):
		c.Add(key, "has no meaning without vacuum", "remove it")
	case m.Retention < least:
		c.Add(key, fmt.Sprintf("is shorter than %s: %s", hours(least), why), "write a longer time, or vacuum: false to keep all files")
	}
	switch {
	case !c.Has("maintain.staging"):
		m.Staging = max(defaultStaging, longest)
	case m.Staging < longest:
		c.Add("maintain.staging", fmt.Sprintf("is shorter than %s, for which a run may need what it staged: (retry.attempts + 1) × timeouts.step, of the sync where it is longest", longest),
			"write a longer time, or remove it")
	}
}

func hours(d time.Duration) string { return fmt.Sprintf("%dh", int(d.Hours())) }

// longestStaged is how long the staged files of a run of any sync may wait to be merged.
func longestStaged(syncs []Sync) time.Duration {
	longest := 0.0
	for _, s := range syncs {
		longest = max(longest, float64(s.Retry.Attempts+1)*float64(s.Timeouts.Step))
	}
	if longest > math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return time.Duration(longest)
}

// checkWithLake checks what of each sync depends on the lake.
func checkWithLake(lake Lake, syncs []Sync, files []*strict.File) {
	if !contains(lakeKinds, lake.Kind) {
		return // a fault of its own, and all of these depend on it
	}
	longest := longestStaged(syncs)
	for i := range syncs {
		c, s := checker{files[i]}, &syncs[i]
		if !c.Parsed() {
			continue
		}
		switch {
		case lake.Kind == LakeDatabricks && s.Target.Catalog == "":
			c.Add("target.catalog", "is missing, and central tables of Databricks are in a catalog of Unity Catalog", "add it, such as catalog: main")
		case lake.Kind == LakeLocal && s.Target.Catalog != "":
			c.Add("target.catalog", "has no meaning: a local lake has no catalogs", "remove it")
		}
		c.checkMaintain(lake.Kind, &s.Maintain, longest)
		c.checkAfters(lake.Kind, s.After)
		for j, spec := range s.Tables {
			c.checkLayout(element("tables", j), lake.Kind, spec)
			for n, t := range spec.Transform {
				scoped(element(element("tables", j)+".transform", n)+".salt", t.Salt, lake.Kind, c.Add)
			}
		}
	}
}
