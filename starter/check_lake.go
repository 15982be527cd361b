package main

import (
	"context"
	"errors"
	"fmt"

	"tributary/config"
	"tributary/internal/lake"
)

// lake looks at the lake, and leaves it open in central when tables can be held against it.
func (c *checker) lake(ctx context.Context) {
	if c.cfg.Lake.Kind == config.LakeLocal && !c.localLake() {
		return
	}
	central, err := c.app.openLake(ctx, c.cfg)
	if errors.Is(err, errNoLake) {
		return
	}
	if err != nil {
		c.findings = append(c.findings, fault("lake", err))
		return
	}
	if l, ok := lake.As[lake.Checker](central); ok && !c.found(l.Check(ctx, schemasOf(c.syncs))) {
		_ = central.Close() // every table would say the same again
		return
	}
	c.central = central
}

// localLake says whether a local lake's folder can be written.
func (c *checker) localLake() bool {
	if err := checkLake(c.cfg.Lake); err != nil {
		c.findings = append(c.findings, fault("lake", err))
		return false
	}
	c.addf("lake", findingOK, "%s can be written", c.cfg.Lake.Path)
	return true
}

// found adds what a lake says of itself, and says whether all is well.
func (c *checker) found(findings []lake.Finding) bool {
	well := true
	for _, f := range findings {
		switch {
		case f.Problem == "":
			c.addf("lake", findingOK, "%s", f.What)
			continue
		case f.Fix == "":
			c.addf("lake", findingFault, "%s: no: %s", f.What, f.Problem)
		default:
			c.addf("lake", findingFault, "%s: no: %s; %s", f.What, f.Problem, f.Fix)
		}
		well = false
	}
	return well
}

// fit holds the client tables that are in order against the central tables, each of which it describes once.
func (c *checker) fit(ctx context.Context, reports []clientReport) {
	if c.central == nil { // findings say why, or there is none yet
		return
	}
	var names []tableName
	seen := map[tableName]bool{}
	for _, report := range reports {
		for _, t := range report.tables {
			for _, target := range t.spec.Targets() {
				if n := (tableName{t.ref.Schema, target}); !seen[n] {
					seen[n] = true
					names = append(names, n)
				}
			}
		}
	}
	all := describeAll(ctx, c.central, names)
	if err := commonFault(all); err != nil {
		c.findings = append(c.findings, fault("lake", err))
		return
	}
	for _, report := range reports {
		for i := range report.tables {
			for _, target := range report.tables[i].spec.Targets() {
				c.fitOne(&report.tables[i], target, all[tableName{report.tables[i].ref.Schema, target}])
			}
		}
	}
}

// fitOne holds a client table that is in order so far against one of its central tables.
func (c *checker) fitOne(t *inspected, target string, d described) {
	versions := target == t.spec.HistoryTable()
	switch {
	case t.err != nil || errors.Is(d.err, lake.ErrNotFound):
	case d.err != nil:
		t.err = d.err
	case lake.OtherKind(d.table.Columns, t.schema, versions):
		t.err = fmt.Errorf("%w: the central table %s.%s has versions of rows where the sync brings the latest alone, or the other way round: "+
			"set history as it was, move the table away, or choose another target", lake.ErrSchema, t.ref.Schema, target)
	default:
		t.err = checkFit(d.table, t.schema, t.spec.Drift, widens(c.central))
	}
}

// commonFault is the fault of a lake that cannot describe any of several tables: it is said once, not of each.
func commonFault(all map[tableName]described) error {
	var first error
	for _, d := range all {
		if d.err == nil || errors.Is(d.err, lake.ErrNotFound) || errors.Is(d.err, lake.ErrCorrupt) {
			return nil
		}
		first = d.err
	}
	if len(all) < 2 {
		return nil
	}
	return first
}
