package local

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"tributary/internal/delta"
	"tributary/internal/lake"
)

// cachedLogRows is up to how many rows of sync_log are kept in memory, of each central schema. Every run
// of a client table reads one and changes it.
const cachedLogRows = 50_000

type logKey struct{ client, table string }

// logCache has the rows of sync_log as one version has them.
type logCache struct {
	mu      sync.Mutex
	id      string // of the Delta table: a version of another is not this one
	version int64
	rows    map[logKey]lake.LastRun
}

func (l *Lake) logCache(t *delta.Table) *logCache {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.logs[t.Dir()]
	if !ok {
		c = &logCache{}
		l.logs[t.Dir()] = c
	}
	return c
}

// get returns the rows of those clients, or of all when none is named, in the order of client and table; false when
// it does not have that version.
func (c *logCache) get(snapshot *delta.Snapshot, clients []string) ([]lake.LastRun, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil || c.id != snapshot.Metadata.ID || c.version != snapshot.Version {
		return nil, false
	}
	wanted := map[string]bool{}
	for _, client := range clients {
		wanted[client] = true
	}
	var rows []lake.LastRun
	for key, row := range c.rows {
		if len(clients) == 0 || wanted[key.client] {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b lake.LastRun) int {
		return cmp.Or(strings.Compare(a.Client, b.Client), strings.Compare(a.Table, b.Table))
	})
	return rows, true
}

// set takes all rows of a version.
func (c *logCache) set(snapshot *delta.Snapshot, rows []lake.LastRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows != nil && c.id == snapshot.Metadata.ID && c.version >= snapshot.Version {
		return // a newer one came first
	}
	c.id, c.version, c.rows = snapshot.Metadata.ID, snapshot.Version, make(map[logKey]lake.LastRun, len(rows))
	for _, row := range rows {
		c.rows[logKey{row.Client, row.Table}] = row
	}
}

// advance takes the rows that the next version changed.
func (c *logCache) advance(from *delta.Snapshot, version int64, rows map[logKey]lake.LastRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from != nil && c.rows != nil && c.id == from.Metadata.ID && c.version == from.Version && version == from.Version+1 {
		maps.Copy(c.rows, rows)
		c.version = version
	}
}
