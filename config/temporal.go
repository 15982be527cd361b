package config

import (
	"fmt"
	"os"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"google.golang.org/grpc"
)

// TemporalOptions returns how to connect to Temporal. The SDK's own settings count, as its users
// know them: the profile in its configuration file, and over it TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_… . Our temporal.profile and temporal.config_file choose the
// profile; our temporal.address and temporal.namespace fill in what none of these says.
func (c *Config) TemporalOptions() (client.Options, error) {
	if path := c.Temporal.ConfigFile; path != "" {
		// The SDK takes a missing file for an empty one; a file that was named should be there.
		if _, err := os.Stat(path); err != nil {
			return client.Options{}, fmt.Errorf("temporal.config_file: %w; correct the path or remove the key", err)
		}
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFilePath: c.Temporal.ConfigFile, ConfigFileProfile: c.Temporal.Profile,
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("connection settings of Temporal (its configuration file, profile %q, and TEMPORAL_* variables): %w", c.Temporal.Profile, err)
	}
	if profile.Address == "" {
		profile.Address = c.Temporal.Address
	}
	if profile.Namespace == "" {
		profile.Namespace = c.Temporal.Namespace
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fmt.Errorf("connection settings of Temporal: %w", err)
	}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(escapeResource))
	return options, nil
}
