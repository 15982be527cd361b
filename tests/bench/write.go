package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Marks of the part of docs/benchmarks.md that a run writes.
const figuresBegin, figuresEnd = "<!-- figures: make bench writes them -->\n", "<!-- end of figures -->\n"

// measuredFigures are those of this run.
var measuredFigures []figure

// writeFigures puts this run's figures into a document, in place of older ones of the same names; the others stay, with their dates.
func writeFigures(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("-write: %w", err)
	}
	head, rest, begins := strings.Cut(string(data), figuresBegin)
	old, tail, ends := strings.Cut(rest, figuresEnd)
	if !begins || !ends {
		return fmt.Errorf("-write: %s has no place for figures, between %q and %q", path, figuresBegin, figuresEnd)
	}
	var b strings.Builder
	b.WriteString(head + figuresBegin + machine() + "\n\n| figure | value | goal | met | measured |\n|---|---|---|---|---|\n")
	fresh := map[string]bool{}
	for _, f := range measuredFigures {
		fresh[f.Name] = true
	}
	for line := range strings.Lines(old) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if strings.HasPrefix(line, "| ") && name != "figure" && !fresh[name] {
			b.WriteString(line)
		}
	}
	for _, f := range measuredFigures {
		b.WriteString(f.row(time.Now()))
	}
	b.WriteString(figuresEnd + tail)
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("-write: %w", err)
	}
	return nil
}

func (f figure) row(at time.Time) string {
	goal, met := "", ""
	if f.Goal > 0 {
		goal, met = fmt.Sprintf("≤ %.3g", f.Goal), "no"
		if f.OK {
			met = "yes"
		}
	}
	return fmt.Sprintf("| %s | %.4g %s | %s | %s | %s |\n", f.Name, f.Value, f.Unit, goal, met, at.Format(time.DateOnly))
}

// machine says what the last run was made on, and with.
func machine() string {
	parts := []string{fmt.Sprintf("%d cores", runtime.NumCPU()), runtime.GOOS + "/" + runtime.GOARCH, runtime.Version()}
	var memory uint64
	if info, err := os.ReadFile("/proc/meminfo"); err == nil {
		if _, err := fmt.Sscanf(string(info), "MemTotal: %d kB", &memory); err == nil {
			parts = append(parts, humanize.IBytes(memory<<10))
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if strings.HasPrefix(module.Path, "github.com/duckdb/duckdb-go/") || module.Path == "github.com/go-sql-driver/mysql" || module.Path == "go.temporal.io/sdk" {
				parts = append(parts, module.Path+" "+module.Version)
			}
		}
	}
	return "Last run: " + time.Now().Format(time.DateOnly) + " · " + strings.Join(parts, " · ")
}
