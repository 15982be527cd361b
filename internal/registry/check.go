package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tributary/config/strict"
	"tributary/internal/secrets"
	"tributary/internal/table"
)

// document is a file, or one page of a service's answer.
type document struct {
	Clients []table.Client `json:"clients"`
	Regions []string       `json:"regions"`
	Next    string         `json:"next"`
}

// tlsModes are the values of table.Client.TLS.
var tlsModes = []string{"off", "preferred", "required", "verify"}

const defaultPort = 3306

// checks holds documents against each other, and against what a client needs. Faults never show a password.
type checks struct {
	contents contents
	ids      map[string]string // folded → where the id is
	regions  map[string]string // folded → as first written
	faults   strict.Faults
}

func newChecks() *checks {
	return &checks{ids: map[string]string{}, regions: map[string]string{}}
}

// add reads a document into the contents and returns its next.
func (c *checks) add(f *strict.File) (next string) {
	var doc document
	f.Decode(&doc)
	if f.Parsed() {
		if !f.Has("clients") {
			f.Add("clients", "is missing", "list the clients, [] for none")
		}
		c.declared(f, doc.Regions)
		for i := range doc.Clients {
			c.client(f, fmt.Sprintf("clients[%d]", i), &doc.Clients[i])
		}
	}
	c.faults = append(c.faults, f.Faults...)
	c.contents.clients = append(c.contents.clients, doc.Clients...)
	return doc.Next
}

func (c *checks) declared(f *strict.File, regions []string) {
	here := map[string]bool{}
	for i, region := range regions {
		key := fmt.Sprintf("regions[%d]", i)
		if here[strings.ToLower(region)] {
			f.Add(key, fmt.Sprintf("%q is in the list already", region), "remove it")
		}
		here[strings.ToLower(region)] = true
		c.region(f, key, region)
		if !slices.Contains(c.contents.regions, region) { // every page may repeat the list
			c.contents.regions = append(c.contents.regions, region)
		}
	}
}

// region checks a region's name, and that it is written in one way: EU and eu would be two task queues.
func (c *checks) region(f *strict.File, key, region string) {
	name(f, key, region)
	folded := strings.ToLower(region)
	if first, ok := c.regions[folded]; ok && first != region {
		f.Add(key, fmt.Sprintf("%q is written %q elsewhere", region, first), "write it in the same way everywhere")
	} else if !ok {
		c.regions[folded] = region
	}
}

func (c *checks) client(f *strict.File, at string, client *table.Client) {
	name(f, at+".id", client.ID)
	where := fmt.Sprintf("%s of %s", at, f.Name)
	if first, twice := c.ids[strings.ToLower(client.ID)]; twice && client.ID != "" {
		f.Add(at+".id", fmt.Sprintf("the client %q is in the registry already, as %s", client.ID, first), "give each client an id of its own; upper and lower case count as the same")
	} else {
		c.ids[strings.ToLower(client.ID)] = where
	}
	c.region(f, at+".region", client.Region)
	if len(c.contents.regions) > 0 && client.Region != "" && !slices.Contains(c.contents.regions, client.Region) {
		f.Add(at+".region", fmt.Sprintf("%q is not one of the regions that the registry lists", client.Region), strict.OneOf(c.contents.regions)+", or add it to regions")
	}
	server(f, at, client)
	security(f, at, client)
	columns(f, at+".columns", client.Columns)
}

// server checks how the server is reached, and fills in the port.
func server(f *strict.File, at string, client *table.Client) {
	if required(f, at+".host", client.Host) && strings.ContainsFunc(client.Host, func(r rune) bool { return r == '/' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		f.Add(at+".host", "is not the name or address of a host", "write only that, without scheme or path")
	}
	required(f, at+".database", client.Database)
	required(f, at+".user", client.User)
	if client.Port == 0 && !f.Has(at+".port") {
		client.Port = defaultPort
	}
	if client.Port < 1 || client.Port > 65535 {
		f.Add(at+".port", fmt.Sprintf("%d is not a port", client.Port), "write 1 to 65535, or remove it for 3306")
	}
	limits(f, at, client)
	if _, err := time.LoadLocation(client.DatetimeZone); err != nil || client.DatetimeZone == "Local" {
		f.Add(at+".datetime_zone", fmt.Sprintf("unknown time zone %q", client.DatetimeZone), "write an IANA name, such as UTC or Europe/Vienna")
	}
}

func limits(f *strict.File, at string, client *table.Client) {
	if client.Connections < 0 {
		f.Add(at+".connections", "is negative", "write 1 or more, or remove it for 4")
	}
	if client.Connections != 0 && client.Limits.Connections != 0 {
		f.Add(at+".connections", "is given as limits.connections too", "keep one")
	}
	client.Limits.Check(func(key, problem, fix string) { f.Add(at+".limits."+key, problem, fix) })
}

func security(f *strict.File, at string, client *table.Client) {
	if client.Password != "" && secrets.Check(client.Password) != nil {
		f.Add(at+".password", "is not a usable secret reference, and is not shown in case it is the password itself", "write env:NAME or file:PATH")
	}
	if client.TLS != "" && !slices.Contains(tlsModes, client.TLS) {
		f.Add(at+".tls", fmt.Sprintf("unknown value %q", client.TLS), strict.OneOf(tlsModes))
	}
	if client.CA != "" && client.TLS != "verify" {
		f.Add(at+".ca", "has no meaning without tls: verify", "add tls: verify, or remove it")
	}
}

// columns checks the mapping of a client's own columns. Two may be mapped to one: different tables have them.
func columns(f *strict.File, at string, mapped map[string]string) {
	for _, own := range slices.Sorted(maps.Keys(mapped)) {
		required(f, strict.Join(at, own), mapped[own])
	}
}

func required(f *strict.File, key, value string) bool {
	if value == "" {
		f.Add(key, "is missing", "give it a value")
	}
	return value != ""
}

// name checks what becomes part of workflow ids and paths.
func name(f *strict.File, key, value string) {
	if problem := CheckName(value); problem != "" {
		f.Add(key, problem, "write at most 128 bytes of text, without / and \\")
	}
}

// CheckName says what is wrong with a client's id or a region's name, which become part of workflow
// ids, task queues and paths; "" when nothing is.
func CheckName(value string) string {
	switch {
	case value == "":
		return "is missing"
	case len(value) > 128:
		return fmt.Sprintf("is %d bytes long", len(value))
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has characters that cannot be printed"
	case strings.ContainsAny(value, `/\`) || value == "." || value == "..":
		return fmt.Sprintf("%q cannot be part of a path", value)
	case strings.TrimSpace(value) != value:
		return fmt.Sprintf("%q begins or ends with a space", value)
	}
	return ""
}

func unknownClient(id string, clients []table.Client) error {
	ids := make([]string, len(clients))
	for i, client := range clients {
		ids[i] = client.ID
	}
	if near := strict.Nearest(id, ids); near != "" {
		return fmt.Errorf("%w %q: did you mean %q?", ErrUnknownClient, id, near)
	}
	return fmt.Errorf("%w %q: the registry has %d others; add it there, or correct the id", ErrUnknownClient, id, len(clients))
}
