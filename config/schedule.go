package config

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule checks a schedule and fills in its defaults.
func (c checker) schedule(s *Schedule) {
	if !c.Has("schedule.cron") && !c.Has("schedule.every") {
		if c.Has("schedule") {
			c.Add("schedule", "has neither cron nor every", `add one, such as cron: "0 2 * * *", or remove the schedule`)
		}
		return
	}
	switch {
	case c.Has("schedule.cron") && c.Has("schedule.every"):
		c.Add("schedule", "has both cron and every", "keep one")
	case c.Has("schedule.cron"):
		c.cron(s.Cron)
		s.TimeZone = defaultTo(s.TimeZone, "UTC")
		c.zone("schedule.time_zone", s.TimeZone)
	case s.TimeZone != "":
		c.Add("schedule.time_zone", "has no meaning with every", "remove it, or use cron")
	}
	if c.Has("schedule.every") && s.Every < time.Second {
		c.Add("schedule.every", "is shorter than 1s", "write a longer time, such as 10m")
	}
	s.Overlap = defaultTo(s.Overlap, OverlapSkip)
	c.oneOf("schedule.overlap", s.Overlap, OverlapSkip, OverlapBufferOne, OverlapBufferAll, OverlapCancelOther, OverlapAllowAll)
	if !c.Has("schedule.catch_up") {
		s.CatchUp = 24 * time.Hour
	}
	if s.CatchUp < 10*time.Second { // Temporal's own least
		c.Add("schedule.catch_up", "is shorter than 10s", "write a longer time, such as 6h")
	}
}

// cron accepts what both cron and Temporal understand in the same way.
func (c checker) cron(expression string) {
	const fix = `write five fields (minute, hour, day of month, month, day of week), such as "0 2 * * *"`
	switch {
	case strings.Contains(expression, "TZ="):
		c.Add("schedule.cron", "names a time zone", "write it as schedule.time_zone")
	case strings.HasPrefix(expression, "@every"):
		c.Add("schedule.cron", "is an interval", "write it as schedule.every")
	case strings.ContainsAny(expression, "?#"):
		c.Add("schedule.cron", "has ? or #, which Temporal does not take", fix)
	default:
		if _, err := cron.ParseStandard(expression); err != nil {
			c.Add("schedule.cron", "is not a cron expression: "+err.Error(), fix)
		}
	}
}

func defaultTo(value, standard string) string {
	if value == "" {
		return standard
	}
	return value
}
