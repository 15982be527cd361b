package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestProgressSaysWhatRunsAfterASync(t *testing.T) {
	done := regionProgress{name: "eu", clients: 1, seen: true, summary: table.Summary{Clients: 1, OK: 2}}
	now := progress{elapsed: time.Second, regions: []regionProgress{done}, after: []string{"gold", "views"}}
	var out bytes.Buffer
	plain := &plainDisplay{app: &app{errOut: &out}, title: "sync/daily"}
	for range 3 {
		plain.show(now)
	}
	require.Equal(t, 1, strings.Count(out.String(), "sync/daily after the sync: gold, views\n"), out.String())
	now.after = []string{"views"}
	plain.show(now)
	require.Contains(t, out.String(), "sync/daily after the sync: views\n")
	live := &liveDisplay{app: &app{errOut: &out}, title: "sync/daily"}
	require.Equal(t, "  after the sync: views", live.lines(now)[2])
}
