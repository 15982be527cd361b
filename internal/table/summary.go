package table

import (
	"slices"
	"strings"
	"time"
)

// Summary is what became of many client tables.
type Summary struct {
	OK        int `json:"ok"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
	Clients   int `json:"clients"` // clients that are done
	Counts
	// Problems lists what was not ok, the first maxProblems of them; the counts above count all.
	Problems []Problem `json:"problems,omitempty"`
	// Notes says what was no problem and may surprise: a region without clients, what runs noted. At most maxNotes.
	Notes []string `json:"notes,omitempty"`
	// Incomplete has every central table of which a client table was not ok, in order: unlike Problems, all of them.
	Incomplete []string `json:"incomplete,omitempty"`
	// After is what became of what runs after the sync, in the order of its configuration.
	After []AfterResult `json:"after,omitempty"`
}

// AfterResult is what became of a job or of statements that run after a sync.
type AfterResult struct {
	Name   string        `json:"name"`
	Status string        `json:"status"`          // StatusOK, StatusFailed, StatusSkipped or StatusCancelled
	Error  string        `json:"error,omitempty"` // why it was not ok
	Took   time.Duration `json:"took,omitempty"`
	URL    string        `json:"url,omitempty"` // of a job's run, where it is known
}

// Problem is a client table, a client or a region (the narrower names empty) that was not ok.
type Problem struct {
	Region string `json:"region,omitempty"`
	Client string `json:"client,omitempty"`
	Table  string `json:"table,omitempty"`
	Status string `json:"status"`
	Error  string `json:"error"`
}

const (
	maxNotes       = 20
	maxProblems    = 50  // so that a summary stays far below Temporal's payload limit
	maxProblemText = 600 // bytes
)

// Add adds one run.
func (s *Summary) Add(run Run) {
	s.Counts.add(run.Counts)
	for _, note := range run.Notes {
		s.Note(run.Client + ": " + Shorten(note))
	}
	if run.Status == StatusOK {
		s.OK++
		return
	}
	s.AddProblem(Problem{Region: run.Region, Client: run.Client, Table: run.Table, Status: run.Status, Error: run.Error})
}

// AddProblem adds something that was not ok.
func (s *Summary) AddProblem(p Problem) {
	switch p.Status {
	case StatusSkipped:
		s.Skipped++
	case StatusCancelled:
		s.Cancelled++
	default:
		s.Failed++
	}
	if p.Table != "" {
		s.Lack(p.Table)
	}
	s.list(p)
}

// Lack notes central tables as incomplete.
func (s *Summary) Lack(tables ...string) {
	for _, name := range tables {
		if at, found := slices.BinarySearch(s.Incomplete, name); !found {
			s.Incomplete = slices.Insert(s.Incomplete, at, name)
		}
	}
}

// Merge adds another summary.
func (s *Summary) Merge(other Summary) {
	s.OK += other.OK
	s.Skipped += other.Skipped
	s.Failed += other.Failed
	s.Cancelled += other.Cancelled
	s.Clients += other.Clients
	s.Counts.add(other.Counts)
	for _, p := range other.Problems {
		s.list(p)
	}
	for _, note := range other.Notes {
		s.Note(note)
	}
	s.Lack(other.Incomplete...)
	s.After = append(s.After, other.After...)
}

// Note adds a note, once.
func (s *Summary) Note(note string) {
	if len(s.Notes) < maxNotes && !slices.Contains(s.Notes, note) {
		s.Notes = append(s.Notes, note)
	}
}

func (s *Summary) list(p Problem) {
	if len(s.Problems) == maxProblems {
		return
	}
	p.Error = Shorten(p.Error)
	s.Problems = append(s.Problems, p)
}

// Shorten cuts an error's text to what a summary has room for.
func Shorten(text string) string {
	if len(text) <= maxProblemText {
		return text
	}
	return strings.ToValidUTF8(text[:maxProblemText], "") + "…"
}

func (c *Counts) add(other Counts) {
	c.Read += other.Read
	c.Deduped += other.Deduped
	c.Quarantined += other.Quarantined
	c.Warned += other.Warned
	c.ZeroDates += other.ZeroDates
	c.Staged += other.Staged
	c.Inserted += other.Inserted
	c.Updated += other.Updated
	c.Deleted += other.Deleted
}
