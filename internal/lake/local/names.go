package local

import (
	"tributary/internal/delta"
	"tributary/internal/lake"
)

// Names are the names that columns of a local lake can have.
type Names struct{}

var _ lake.Namer = Names{}

// CheckName implements lake.Namer.
func (Names) CheckName(name string) error { return delta.CheckName(name) }

// CheckName implements lake.Namer.
func (l *Lake) CheckName(name string) error { return Names{}.CheckName(name) }
