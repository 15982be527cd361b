package main

import (
	"encoding/json"
	"fmt"
	"slices"
)

// figure is one measured value. Lower is better for all of them.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Goal  float64 `json:"goal,omitempty"` // 0 when there is none
	OK    bool    `json:"ok"`
}

func report(name string, value float64, unit string, goal float64) error {
	f := figure{name, value, unit, goal, goal == 0 || value <= goal}
	measuredFigures = append(measuredFigures, f)
	line, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("figure %s: %w", name, err)
	}
	fmt.Println(string(line))
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

const mib = 1 << 20
