package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/config/strict"
	"tributary/internal/lake/open"
	"tributary/internal/version"
)

// app is what every command works with: where it writes, and the global flags.
type app struct {
	out, errOut io.Writer // out is for results only
	dir         string    // of the configuration
	output      string
	noColor     bool
	access      *open.Access // of the configuration that is loaded
}

// execute runs the command line and returns the exit code.
func execute(ctx context.Context, args []string, out, errOut io.Writer) int {
	a := &app{out: out, errOut: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	printError(ctx, errOut, err)
	return exitCode(ctx, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tributary",
		Short: "Keep one Delta Lake in step with every client's MariaDB",
		Long: `Tributary brings the new, changed and deleted rows of every client's tables into one central Delta Lake.

Begin with "tributary check", then "tributary run SYNC"; "tributary schedule apply" makes it regular.
` + allExitCodesHelp,
		Args:          cobra.ArbitraryArgs,
		RunE:          unknownCommand,
		Version:       version.String(),
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.checkOutput(cmd)
		},
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.dir, "config", "c", cmp.Or(os.Getenv("TRIBUTARY_CONFIG"), "."), "directory with tributary.yaml and the syncs; TRIBUTARY_CONFIG sets the default")
	flags.StringVarP(&a.output, "output", "o", outputTable, "table or json; of query also csv")
	flags.BoolVar(&a.noColor, "no-color", os.Getenv("NO_COLOR") != "", "no colours; so does the variable NO_COLOR")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(a.checkCommand(), a.tableCommand(), a.runCommand(), a.watchCommand(), a.cancelCommand(), a.backfillCommand(), a.verifyCommand(), a.maintainCommand(),
		a.statusCommand(), a.historyCommand(), a.queryCommand(), a.scheduleCommand(), a.versionCommand())
	must(root.MarkPersistentFlagDirname("config"))
	must(root.RegisterFlagCompletionFunc("output", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return outputs(cmd), cobra.ShellCompDirectiveNoFileComp
	}))
	return root
}

// must is for errors that only a wrong program makes.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// outputAnnotation names further outputs that a command has.
const outputAnnotation = "outputs"

func outputs(cmd *cobra.Command) []string {
	all := []string{outputTable, outputJSON}
	if more := cmd.Annotations[outputAnnotation]; more != "" {
		all = append(all, strings.Split(more, ",")...)
	}
	return all
}

func (a *app) checkOutput(cmd *cobra.Command) error {
	if all := outputs(cmd); !slices.Contains(all, a.output) {
		return fmt.Errorf("unknown output %q; %s", a.output, strict.OneOf(all))
	}
	return nil
}

// groupCommand only holds others. A misspelt one is an error; cobra would show the help and succeed.
func groupCommand(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: unknownCommand}
	group.AddCommand(commands...)
	return group
}

// unknownCommand runs when no subcommand has the name.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	if near := strict.Nearest(args[0], names); near != "" {
		return fmt.Errorf("unknown command %q for %q; did you mean %q?", args[0], cmd.CommandPath(), near)
	}
	return fmt.Errorf("unknown command %q for %q; %s", args[0], cmd.CommandPath(), strict.OneOf(names))
}

// oneArg wants exactly one argument, which the error calls by its name.
func oneArg(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("%s takes one %s, and got %d; usage: %s", cmd.CommandPath(), name, len(args), cmd.UseLine())
	}
}

// load loads the configuration, and from then on has access to its lake and secrets.
func (a *app) load() (*config.Config, error) {
	cfg, err := config.Load(a.dir)
	if err == nil {
		a.access = open.NewAccess(cfg.Lake)
	}
	return cfg, err
}

// syncs returns the named syncs, or all of them.
func syncs(cfg *config.Config, names []string) ([]config.Sync, error) {
	if len(names) == 0 {
		return cfg.Syncs, nil
	}
	var chosen []config.Sync
	for _, name := range names {
		sync, err := syncOf(cfg, name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(chosen, func(s config.Sync) bool { return s.Name == name }) {
			chosen = append(chosen, sync)
		}
	}
	return chosen, nil
}

// syncOf returns the sync of that name, or an error that names the nearest one.
func syncOf(cfg *config.Config, name string) (config.Sync, error) {
	sync, err := cfg.Sync(name)
	if err == nil {
		return sync, nil
	}
	if near := strict.Nearest(name, syncNames(cfg)); near != "" {
		return sync, fmt.Errorf("%w; did you mean %q?", err, near)
	}
	return sync, err
}

func syncNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Syncs))
	for i, s := range cfg.Syncs {
		names[i] = s.Name
	}
	return names
}
