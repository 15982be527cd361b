package steps

import (
	"os"
	"testing"

	"tributary/internal/rawfile"
)

func TestMain(m *testing.M) {
	rawfile.Scrub.Store(true) // who reads a batch that was released reads nonsense
	os.Exit(m.Run())
}
