// Command tributary-worker runs the workflows and activities of syncs. One process may do all of
// it, or a part: a region's extraction near its databases, merges near the lake.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/internal/version"
	"tributary/worker/serve"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "tributary-worker:", err)
		os.Exit(1) //nolint:gocritic // nothing is left for stop to do
	}
}

func command() *cobra.Command {
	var dir string
	var regions, roles []string
	cmd := &cobra.Command{
		Use:           "tributary-worker",
		Short:         "Run syncs: workflows, extraction by region, and merges into the lake",
		Version:       version.String(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(dir)
			if err != nil {
				return err
			}
			if len(regions) > 0 {
				cfg.Worker.Regions = regions
			}
			if len(roles) > 0 {
				cfg.Worker.Roles = roles
			}
			return serve.Run(cmd.Context(), cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
		},
	}
	cmd.Flags().StringVarP(&dir, "config", "c", ".", "directory with tributary.yaml and the syncs")
	cmd.Flags().StringSliceVar(&regions, "region", nil, "regions whose clients to read (default: worker.regions, or all)")
	cmd.Flags().StringSliceVar(&roles, "role", nil, "source, lake, workflow (default: worker.roles, or all)")
	return cmd
}
