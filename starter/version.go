package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tributary/internal/version"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json() {
				return a.writeJSON(struct {
					Version string `json:"version"`
					Build   string `json:"build"`
				}{version.Version, version.String()})
			}
			_, err := fmt.Fprintln(a.out, "tributary", version.String())
			return err
		},
	}
}
