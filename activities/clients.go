package activities

import (
	"context"

	"tributary/internal/table"
)

// ListRegionsInput selects regions.
type ListRegionsInput struct {
	Only []string `json:"only,omitempty"` // empty means all
}

// ListRegionsResult is the regions that have clients, sorted.
type ListRegionsResult struct {
	Regions []string `json:"regions"`
}

// ListRegions lists the regions of the registry. It only reads.
func (a *Activities) ListRegions(ctx context.Context, in ListRegionsInput) (ListRegionsResult, error) {
	regions, err := a.Registry.Regions(ctx)
	if err != nil {
		return ListRegionsResult{}, classify(ctx, err)
	}
	return ListRegionsResult{Regions: keep(regions, in.Only)}, nil
}

// ListClientsInput asks for one page of a region's clients.
type ListClientsInput struct {
	Region string   `json:"region"`
	Only   []string `json:"only,omitempty"` // client ids; empty means all
	After  string   `json:"after,omitempty"`
	Limit  int      `json:"limit"`
}

// ListClientsResult is one page, sorted by id. Next is where the following one begins; "" ends.
type ListClientsResult struct {
	Clients []table.Client `json:"clients"`
	Next    string         `json:"next,omitempty"`
}

// ListClients reads one page of a region's clients from the registry. It only reads.
func (a *Activities) ListClients(ctx context.Context, in ListClientsInput) (ListClientsResult, error) {
	clients, next, err := a.Registry.List(ctx, in.Region, in.After, in.Limit)
	if err != nil {
		return ListClientsResult{}, classify(ctx, err)
	}
	if len(in.Only) == 0 {
		return ListClientsResult{Clients: clients, Next: next}, nil
	}
	var kept []table.Client
	for _, client := range clients {
		if len(keep([]string{client.ID}, in.Only)) > 0 {
			kept = append(kept, client)
		}
	}
	return ListClientsResult{Clients: kept, Next: next}, nil
}

// keep returns the names that are in only, in order; an empty only keeps all.
func keep(names, only []string) []string {
	if len(only) == 0 {
		return names
	}
	wanted := make(map[string]bool, len(only))
	for _, name := range only {
		wanted[name] = true
	}
	var kept []string
	for _, name := range names {
		if wanted[name] {
			kept = append(kept, name)
		}
	}
	return kept
}
