package config

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule checks the schedule at a key and fills in its defaults.
func (c checker) schedule(at string, s *Schedule) {
	if !c.Has(at+".cron") && !c.Has(at+".every") {
		if c.Has(at) {
			c.Add(at, "has neither cron nor every", `add one, such as cron: "0 2 * * *", or remove the schedule`)
		}
		return
	}
	switch {
	case c.Has(at+".cron") && c.Has(at+".every"):
		c.Add(at, "has both cron and every", "keep one")
	case c.Has(at + ".cron"):
		c.cron(at, s.Cron)
		s.TimeZone = defaultTo(s.TimeZone, "UTC")
		c.zone(at+".time_zone", s.TimeZone)
	case s.TimeZone != "":
		c.Add(at+".time_zone", "has no meaning with every", "remove it, or use cron")
	}
	if c.Has(at+".every") && s.Every < time.Second {
		c.Add(at+".every", "is shorter than 1s", "write a longer time, such as 10m")
	}
	s.Overlap = defaultTo(s.Overlap, OverlapSkip)
	c.oneOf(at+".overlap", s.Overlap, OverlapSkip, OverlapBufferOne, OverlapBufferAll, OverlapCancelOther, OverlapAllowAll)
	if !c.Has(at + ".catch_up") {
		s.CatchUp = 24 * time.Hour
	}
	if s.CatchUp < 10*time.Second { // Temporal's own least
		c.Add(at+".catch_up", "is shorter than 10s", "write a longer time, such as 6h")
	}
}

// cron accepts what both cron and Temporal understand in the same way.
func (c checker) cron(at, expression string) {
	const fix = `write five fields (minute, hour, day of month, month, day of week), such as "0 2 * * *"`
	switch {
	case strings.Contains(expression, "TZ="):
		c.Add(at+".cron", "names a time zone", "write it as "+at+".time_zone")
	case strings.HasPrefix(expression, "@every"):
		c.Add(at+".cron", "is an interval", "write it as "+at+".every")
	case strings.ContainsAny(expression, "?#"):
		c.Add(at+".cron", "has ? or #, which Temporal does not take", fix)
	default:
		if _, err := cron.ParseStandard(expression); err != nil {
			c.Add(at+".cron", "is not a cron expression: "+err.Error(), fix)
		}
	}
}

func defaultTo(value, standard string) string {
	if value == "" {
		return standard
	}
	return value
}
