package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tributary/internal/registry"
)

// completion is what a shell offers for the word that is being typed.
type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeSyncs offers the names of syncs, up to most of them; 0 means any number.
func (a *app) completeSyncs(most int) completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		cfg, err := a.load()
		if err != nil || most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		left := slices.DeleteFunc(syncNames(cfg), func(name string) bool { return slices.Contains(args, name) })
		return left, cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) completeSelection(cmd *cobra.Command) {
	for flag, complete := range map[string]completion{"region": a.completeRegions, "client": a.completeClients, "table": a.completeTables} {
		if cmd.Flags().Lookup(flag) != nil {
			must(cmd.RegisterFlagCompletionFunc(flag, complete))
		}
	}
}

func (a *app) completeTables(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var tables []string
	for _, sync := range cfg.Syncs {
		if in(args, sync.Name) {
			tables = append(tables, targetsOf(sync.Tables)...)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables), cobra.ShellCompDirectiveNoFileComp
}

// completeTimeout bounds how long a shell waits for a registry.
const completeTimeout = 2 * time.Second

func (a *app) completeClients(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeFrom(cmd, func(ctx context.Context, reg registry.Registry) ([]string, error) {
		clients, err := reg.Clients(ctx, "")
		return idsOf(clients), err
	})
}

func (a *app) completeRegions(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeFrom(cmd, func(ctx context.Context, reg registry.Registry) ([]string, error) { return reg.Regions(ctx) })
}

// completeFrom offers names of the registry, and nothing where there is none to ask.
func (a *app) completeFrom(cmd *cobra.Command, names func(context.Context, registry.Registry) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTimeout)
	defer cancel()
	reg, err := cfg.Registry(a.access.Resolve)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := names(ctx, reg)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}
