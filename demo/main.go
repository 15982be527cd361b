// Command tributary-demo is a tour of Tributary in one process: six shops in three regions with database
// servers of their own, a Temporal dev server with its Web UI, workers, a sync, a day of trade, and
// a second sync, proven row by row. It needs no MariaDB, Docker or account.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1) //nolint:gocritic // nothing is left for stop to do
	}
}

// options are the command line.
type options struct {
	once     bool
	dir      string
	temporal string
}

func command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:           "tributary-demo",
		Short:         "A tour of Tributary in one process: six shops, two syncs, one lake",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			colour := isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""
			return run(cmd.Context(), o, newPage(cmd.OutOrStdout(), colour))
		},
	}
	cmd.SetOut(os.Stdout)
	cmd.Flags().BoolVar(&o.once, "once", false, "end after the second sync, instead of staying until Ctrl-C")
	cmd.Flags().StringVar(&o.dir, "dir", "", "where configuration and lake go, and stay (default: a temporary folder)")
	cmd.Flags().StringVar(&o.temporal, "temporal", "", "the Temporal CLI (default: temporal beside this program, in bin/, or in the PATH)")
	return cmd
}
