package verify

import (
	"os"
	"testing"

	"tributary/internal/arrowfile"
)

func TestMain(m *testing.M) {
	arrowfile.Scrub.Store(true) // who reads a batch that was released reads nonsense
	os.Exit(m.Run())
}
