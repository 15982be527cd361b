// Package registry says which clients there are: from a file, or from an HTTP service that returns the same JSON.
//
//	clients:
//	  - {id: acme, region: eu, host: db.acme.example, database: shop, user: tributary, password: "env:ACME_PASSWORD"}
//	regions: [eu, us, ap]   # optional: then a region may be without clients, and a misspelt one is a fault
//
// The fields of a client are those of table.Client. Everything is checked each time it is read, and
// all that is wrong is reported at once.
package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tributary/internal/table"
)

var (
	// ErrUnavailable is returned when the registry could not be read this time. Trying again later may help.
	ErrUnavailable = errors.New("the client registry cannot be reached")
	// ErrInvalid is returned when the registry answers, and its answer cannot be used. It is permanent
	// until someone corrects the registry.
	ErrInvalid = errors.New("the client registry is not usable")
	// ErrUnknownClient is returned for an id that the registry does not have.
	ErrUnknownClient = errors.New("unknown client")
	// ErrUnknownRegion is returned for a region that the registry does not know. A known region without clients is no error.
	ErrUnknownRegion = errors.New("unknown region")
)

// Registry says which clients there are. Its methods are safe for concurrent use. Their errors are
// ErrUnavailable, ErrInvalid, those of package secrets for the service's token, or the context's, and
// those that a method names.
type Registry interface {
	// Clients returns the clients of a region, or of all for "", by id. ErrUnknownRegion.
	Clients(ctx context.Context, region string) ([]table.Client, error)

	// Regions returns the regions, those without clients included where the registry lists them, sorted.
	Regions(ctx context.Context) ([]string, error)

	// Get returns one client. What it returns may be 10 s old. ErrUnknownClient.
	Get(ctx context.Context, id string) (table.Client, error)

	// List returns the clients of a region, or of all for "", whose ids come after the given one in the
	// order of their bytes: at most limit of them, or all for 0. Next is what to pass as after
	// for the next page, "" at the end. Pages after the first may be 10 s old. ErrUnknownRegion.
	List(ctx context.Context, region, after string, limit int) (clients []table.Client, next string, err error)
}

// contents is what a registry holds, checked, or the part of it that was asked for.
type contents struct {
	clients []table.Client
	regions []string // as the registry lists them; empty when it does not
}

// source reads a registry's contents.
type source interface {
	// load returns the contents, perhaps without those of other regions. Aged allows them to be maxAge old.
	load(ctx context.Context, region string, aged bool) (contents, error)
	// whole says whether load always returns everything, so that a region that nobody has is unknown.
	whole() bool
}

// registry answers from whatever a source holds.
type registry struct{ source source }

func (r registry) Clients(ctx context.Context, region string) ([]table.Client, error) {
	return r.clients(ctx, region, false)
}

func (r registry) clients(ctx context.Context, region string, aged bool) ([]table.Client, error) {
	c, err := r.source.load(ctx, region, aged)
	if err != nil {
		return nil, err
	}
	clients := []table.Client{}
	for _, client := range c.clients {
		if region == "" || client.Region == region {
			clients = append(clients, client)
		}
	}
	if known := c.allRegions(); region != "" && len(clients) == 0 && !slices.Contains(known, region) && (r.source.whole() || len(c.regions) > 0) {
		return nil, fmt.Errorf("%w %q: the registry has %s; correct the name, or list it under regions", ErrUnknownRegion, region, inWords(known))
	}
	slices.SortFunc(clients, func(a, b table.Client) int { return strings.Compare(a.ID, b.ID) })
	return clients, nil
}

func (c contents) allRegions() []string {
	all := slices.Clone(c.regions)
	for _, client := range c.clients {
		all = append(all, client.Region)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func inWords(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (r registry) Regions(ctx context.Context) ([]string, error) {
	c, err := r.source.load(ctx, "", false)
	if err != nil {
		return nil, err
	}
	return c.allRegions(), nil
}

func (r registry) Get(ctx context.Context, id string) (table.Client, error) {
	c, err := r.source.load(ctx, "", true)
	if err != nil {
		return table.Client{}, err
	}
	for _, client := range c.clients {
		if client.ID == id {
			return client, nil
		}
	}
	return table.Client{}, unknownClient(id, c.clients)
}

func (r registry) List(ctx context.Context, region, after string, limit int) ([]table.Client, string, error) {
	clients, err := r.clients(ctx, region, after != "")
	if err != nil {
		return nil, "", err
	}
	from, found := slices.BinarySearchFunc(clients, after, func(c table.Client, id string) int { return strings.Compare(c.ID, id) })
	if found {
		from++
	}
	page := clients[from:]
	if limit <= 0 || len(page) <= limit {
		return page, "", nil
	}
	return page[:limit], page[limit-1].ID, nil
}
