package sparksql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	dbsql "github.com/databricks/databricks-sql-go"

	"tributary/internal/databricks"
)

// DatabricksOptions say which SQL warehouse of a workspace is used.
type DatabricksOptions struct {
	Workspace *databricks.Workspace
	Warehouse string        // its id
	Staging   string        // a folder of a Unity Catalog volume: /Volumes/catalog/schema/volume/…
	Timeout   time.Duration // of one statement; 0 means none
}

// OpenDatabricks opens the lake of a SQL warehouse. It does not connect yet. The driver signs in as the workspace does, with a
// token that is renewed when it expires.
func OpenDatabricks(o DatabricksOptions) (*Lake, error) {
	u, err := url.Parse(o.Workspace.Host())
	if err != nil {
		return nil, fmt.Errorf("databricks lake: %w", err)
	}
	connector, err := connect(u, "/sql/1.0/warehouses/"+o.Warehouse, databricksDialect, dbsql.WithAuthenticator(o.Workspace))
	if err != nil {
		return nil, fmt.Errorf("databricks lake: %w", err)
	}
	pollEvery(connector, warehousePoll)
	awake := &warehouseConnector{Connector: connector, workspace: o.Workspace, id: o.Warehouse}
	where := "warehouse " + o.Warehouse + " of " + u.Host
	return newLake(awake, databricksDialect, volume{o.Workspace, o.Staging}, o.Timeout, where), nil
}

// warehousePoll is how often a statement is asked for that runs longer than a warehouse waits with its first answer.
const warehousePoll = 250 * time.Millisecond

// warehouseConnector waits for a stopped or starting warehouse before it connects, and says so.
type warehouseConnector struct {
	driver.Connector
	workspace *databricks.Workspace
	id        string

	mu   sync.Mutex
	seen time.Time // when the warehouse was last found running
}

// trustRunning is how long a warehouse that was found running is taken to be so.
const trustRunning = 30 * time.Second

// Connect implements driver.Connector.
func (c *warehouseConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	return c.Connector.Connect(ctx)
}

func (c *warehouseConnector) await(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.seen) < trustRunning {
		return nil
	}
	_, err := c.workspace.AwaitWarehouse(ctx, c.id, func(w databricks.Warehouse) {
		slog.InfoContext(ctx, "waiting for the SQL warehouse", "warehouse", w.ID, "name", w.Name, "state", strings.ToLower(w.State), "health", w.Health)
	})
	if err == nil {
		c.seen = time.Now()
	}
	return err
}

// volume is a staging area in a Unity Catalog volume.
type volume struct {
	workspace *databricks.Workspace
	root      string // /Volumes/catalog/schema/volume/…
}

func (v volume) put(ctx context.Context, from, batch, name string) (string, error) {
	to := path.Join(v.root, batch, name)
	return to, v.workspace.Upload(ctx, from, to)
}

func (v volume) remove(ctx context.Context, batch string) error {
	return v.workspace.Remove(ctx, path.Join(v.root, batch))
}

func (v volume) folders(ctx context.Context) (map[string]time.Time, error) {
	entries, err := v.workspace.List(ctx, v.root)
	if err != nil {
		return nil, err
	}
	touched := map[string]time.Time{}
	for _, entry := range entries {
		if entry.IsDir {
			if touched[entry.Name], err = v.newest(ctx, path.Join(v.root, entry.Name)); err != nil {
				return nil, err
			}
		}
	}
	return touched, nil
}

// newest is when anything below a folder was last changed. An empty folder counts as old.
func (v volume) newest(ctx context.Context, folder string) (latest time.Time, err error) {
	entries, err := v.workspace.List(ctx, folder)
	for _, entry := range entries {
		modified := entry.Modified
		if entry.IsDir && err == nil {
			modified, err = v.newest(ctx, path.Join(folder, entry.Name))
		}
		if modified.After(latest) {
			latest = modified
		}
	}
	return latest, err
}
