package config

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tributary/config/strict"
	"tributary/internal/registry"
	"tributary/internal/table"
)

// ErrInvalid is returned, together with Faults, for a configuration that cannot be used.
var ErrInvalid = errors.New("the configuration has faults")

// Fault is one thing that is wrong in a configuration.
type Fault = strict.Fault

// Faults is everything that is wrong in a configuration, by file and line.
type Faults = strict.Faults

// Config is a checked configuration, complete with defaults. It holds secret references, no secrets.
type Config struct {
	Dir      string   `json:"-"` // absolute
	Lake     Lake     `json:"lake"`
	Temporal Temporal `json:"temporal"`
	Clients  Clients  `json:"clients"`
	// Limits are those of clients that have none of their own.
	Limits  table.Limits `json:"limits"`
	Worker  Worker       `json:"worker"`
	Scratch Scratch      `json:"scratch"`
	Syncs   []Sync       `json:"-"` // at least one, by name
}

// Lake says where central tables live. Only the settings of its kind may be given.
type Lake struct {
	Kind string `json:"kind"` // LakeLocal, the default, LakeSpark or LakeDatabricks

	// Of a local lake.
	Path    string `json:"path"`    // absolute; default ./lake
	Memory  string `json:"memory"`  // DuckDB's limit for merges and queries: "1GB", the default
	Threads int    `json:"threads"` // DuckDB's; 0, the default, is one per core, and no more than one per 250 MB of Memory

	// Of Databricks. What is not given here comes from the SDK's unified authentication: the profile, DATABRICKS_… variables, or
	// Azure's.
	Profile      string `json:"profile"`       // a section of ~/.databrickscfg
	Host         string `json:"host"`          // https://…
	Warehouse    string `json:"warehouse"`     // the SQL warehouse's id
	Token        string `json:"token"`         // a secret reference to a personal access token
	ClientID     string `json:"client_id"`     // of a service principal
	ClientSecret string `json:"client_secret"` // a secret reference

	// Of Spark: the Thrift server, in HTTP mode.
	URL      string `json:"url"` // http://host:port/cliservice
	User     string `json:"user"`
	Password string `json:"password"` // a secret reference

	// Of both. Staging is where staged files go: a folder of a Unity Catalog volume (/Volumes/catalog/schema/volume/…), or
	// for Spark a folder that its server and every worker see under one path.
	Staging          string        `json:"staging"`
	StatementTimeout time.Duration `json:"statement_timeout"` // of one statement; default 2h
}

// Temporal overrides how the connection settings of Temporal are found; see Config.TemporalOptions.
type Temporal struct {
	Profile    string `json:"profile"`     // instead of TEMPORAL_PROFILE
	ConfigFile string `json:"config_file"` // instead of TEMPORAL_CONFIG_FILE: absolute
	Address    string `json:"address"`     // where neither the profile nor TEMPORAL_ADDRESS says
	Namespace  string `json:"namespace"`   // where neither the profile nor TEMPORAL_NAMESPACE says
}

// Clients says where clients come from: a File, or an HTTP service at URL.
type Clients struct {
	File    string        `json:"file"` // absolute
	URL     string        `json:"url"`
	Token   string        `json:"token"`   // a secret reference; "" sends none
	Timeout time.Duration `json:"timeout"` // of one request; default 10s
	Retries int           `json:"retries"` // after the first try; default 3
}

// Worker says what a worker serves.
type Worker struct {
	Health      string        `json:"health"`       // host:port; default 127.0.0.1:8090; "" (written as "" or off) serves none
	Regions     []string      `json:"regions"`      // empty: all
	Roles       []string      `json:"roles"`        // of Roles; empty: all
	MaxSources  int           `json:"max_sources"`  // client tables read at once; default 8
	StopTimeout time.Duration `json:"stop_timeout"` // how long running steps may take to end at shutdown; default 30s
}

// Roles of a worker.
const (
	RoleSource   = "source"   // reads clients, on their regions' queues
	RoleLake     = "lake"     // merges and logs
	RoleWorkflow = "workflow" // runs the workflows themselves
)

// Roles are the roles that a worker can have.
var Roles = []string{RoleSource, RoleLake, RoleWorkflow}

// Scratch is the worker's own disk for the files of running steps, and DuckDB's bounds for one step.
type Scratch struct {
	Path    string `json:"path"`    // absolute; default the system's folder for temporary files, plus tributary
	Memory  string `json:"memory"`  // per step; default 1GB
	Threads int    `json:"threads"` // per step; 0, the default, is one per core
}

// Sync returns the sync of that name, or an error that names the ones there are.
func (c *Config) Sync(name string) (Sync, error) {
	names := make([]string, len(c.Syncs))
	for i, s := range c.Syncs {
		if s.Name == name {
			return s, nil
		}
		names[i] = s.Name
	}
	return Sync{}, fmt.Errorf("there is no sync %q in %s: it has %s", name, c.Dir, strings.Join(names, ", "))
}

// Registry opens where the clients come from. It reads nothing yet. resolve turns a secret reference into the secret; nil is
// secrets.Resolve, which knows no databricks: references.
func (c *Config) Registry(resolve func(ctx context.Context, reference string) (string, error)) (registry.Registry, error) {
	if c.Clients.File != "" {
		return registry.NewFile(c.Clients.File), nil
	}
	return registry.NewHTTP(registry.HTTPOptions{
		URL: c.Clients.URL, Token: c.Clients.Token, Timeout: c.Clients.Timeout, Retries: c.Clients.Retries, Resolve: resolve,
	})
}
