package mariadb

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/time/rate"

	"tributary/internal/table"
)

// ErrHours says that a large table would be read in full outside the client's hours.
var ErrHours = errors.New("outside the client's hours")

// codeStatementTime is the server's error for a statement that took longer than max_statement_time; MySQL has its own.
const (
	codeStatementTime      = 1969
	codeStatementTimeMySQL = 3024
)

// newPace returns what keeps to a number of rows a second, nil for any number.
func newPace(limits table.Limits) *rate.Limiter {
	if limits.RowsPerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(limits.RowsPerSecond), int(limits.RowsPerSecond))
}

// pace waits until so many rows of the client may be taken.
func (s *Source) pace(ctx context.Context, rows int64) error {
	if s.rate == nil {
		return nil
	}
	for burst := int64(s.rate.Burst()); rows > 0; rows -= burst {
		if err := s.rate.WaitN(ctx, int(min(rows, burst))); err != nil {
			return fmt.Errorf("wait for limits.rows_per_second: %w", err)
		}
	}
	return nil
}

// tableConnections is how many connections may read one table at once.
func (s *Source) tableConnections() int {
	n := s.limits.TableConnections
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return min(n, s.db.Stats().MaxOpenConnections)
}

// admit refuses to begin to read a large table outside the client's hours, and sees to it that a read that cannot pause
// ends with them.
func (e *extraction) admit() error {
	if !e.large {
		return nil
	}
	open, until, err := e.source.limits.OpenAt(e.source.now())
	if err != nil || until.IsZero() {
		return err
	}
	if !open {
		return fmt.Errorf("%w: limits.hours are %s, and the table is large and would be read in full; run it again from %s on, or widen the hours",
			ErrHours, e.source.hours(), until.Format(time.RFC3339))
	}
	return nil
}

// hours are the client's hours for people.
func (s *Source) hours() string {
	if s.limits.TimeZone == "" {
		return s.limits.Hours + " UTC"
	}
	return s.limits.Hours + " " + s.limits.TimeZone
}

// endWithHours stops a read that cannot pause, because its rows are to be of one snapshot or come in one query, when
// the hours end.
func (e *extraction) endWithHours() (done func(), err error) {
	open, until, err := e.source.limits.OpenAt(e.source.now())
	if err != nil || !open || until.IsZero() || !e.large || e.work.keep {
		return func() {}, err
	}
	timer := time.AfterFunc(until.Sub(e.source.now()), func() {
		e.stop(fmt.Errorf("%w: limits.hours %s ended while the table was read, and it cannot be read in parts; start it earlier, or widen the hours",
			ErrHours, e.source.hours()))
	})
	return func() { timer.Stop() }, nil
}

// pauses says whether the client's hours are over and what is left has to wait for them.
func (e *extraction) pauses() bool {
	open, _, err := e.source.limits.OpenAt(e.source.now())
	return err == nil && !open && e.work.keep && e.large
}

// awaitHours waits between two chunks until the client's hours begin again, unless the run has less time than that. Other tables need the
// connection meanwhile, and a server closes one that is idle for long: the session becomes a new one on the same server.
func (e *extraction) awaitHours(s *session) error {
	open, until, err := e.source.limits.OpenAt(e.source.now())
	if err != nil || open || !e.work.keep || !e.large {
		return err
	}
	if deadline, ok := e.ctx.Deadline(); ok && deadline.Before(until) {
		done, total := e.work.counts()
		return fmt.Errorf("%w: limits.hours %s ended with %d of %d chunks read, and they begin again after the run's time is over; raise timeouts.extract, or widen the hours",
			ErrHours, e.source.hours(), done, total)
	}
	s.end(false)
	if err := pause(e.ctx, until.Sub(e.source.now())); err != nil {
		return err
	}
	fresh, err := e.source.openOn(e.ctx, s.server)
	if err == nil {
		*s = *fresh // which its one reader alone looks into
	}
	return err
}

// limitError says which limit a server's error is about.
func (s *Source) limitError(err error) error {
	switch n := code(err); {
	case n != codeStatementTime && n != codeStatementTimeMySQL:
		return err
	case s.limits.MaxStatementTime > 0:
		return fmt.Errorf("%w: a statement took longer than limits.max_statement_time, which is %s; raise it, or, where a large table is read in full, "+
			"give it a primary key by which it can be read in parts: %w", ErrLimit, s.limits.MaxStatementTime, err)
	}
	return fmt.Errorf("%w: the server's own max_statement_time ended a statement; raise it for the user %q: %w", ErrLimit, s.client.User, err)
}

// ErrLimit says that a limit of the client's was hit that a repeat would hit again.
var ErrLimit = errors.New("a limit was hit")
