// Package table holds the words that every other package shares: clients, table specs,
// schemas, windows and batches. It knows no technology and imports no other package of ours.
package table

import "cmp"

// Client is a tenant with its own MariaDB server.
type Client struct {
	ID       string `json:"id"`
	Region   string `json:"region"`
	Host     string `json:"host"`
	Port     int    `json:"port,omitempty"` // default 3306
	Database string `json:"database"`       // the schema at the source
	User     string `json:"user"`
	Password string `json:"password,omitempty"` // a secret reference (env:NAME, file:PATH), never the secret
	// TLS is how the connection is secured: "" or "off", "preferred", "required" (any
	// certificate), or "verify" (the system's CAs, or CA when it is set).
	TLS string `json:"tls,omitempty"`
	CA  string `json:"ca,omitempty"` // PEM file of the CA that signed the server's certificate
	// Columns maps this client's own column names to the common ones, in every table that has
	// them: {"mandant": "client_id", "ClientID": "client_id"}.
	Columns map[string]string `json:"columns,omitempty"`
	// DatetimeZone is the zone in which DATETIME values are read; "" means the spec's, or UTC.
	DatetimeZone string `json:"datetime_zone,omitempty"`
	// Replica says that the server is a replica, where it is not seen to be one: see the guide's part on replicas.
	Replica bool `json:"replica,omitempty"`
	// Connections bounds the connections open to this server at once per worker; 0 means 4.
	Connections int `json:"connections,omitempty"`
	// Limits protect the server; what they leave out is the worker's default. Connections is short for theirs.
	Limits Limits `json:"limits,omitzero"`
}

// Bounds returns the client's limits, with those of defaults where neither they nor Connections say anything.
func (c Client) Bounds(defaults Limits) Limits {
	c.Limits.Connections = cmp.Or(c.Limits.Connections, c.Connections)
	return c.Limits.Or(defaults)
}

// Ref names a client table, the unit of work.
type Ref struct {
	Sync   string `json:"sync,omitempty"`
	Client string `json:"client"`
	Region string `json:"region"`
	Schema string `json:"schema"` // the central schema that the table belongs to
	Table  string `json:"table"`  // the central table's name
}

// The columns that Tributary sets itself, in every row of every central table. Their values are
// constants from the registry, so tenants never mix.
const (
	ClientColumn = "client_id"
	RegionColumn = "region"
)
