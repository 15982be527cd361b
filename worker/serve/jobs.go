package serve

import (
	"context"
	"fmt"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/databricks"
	"tributary/internal/secrets"
)

// openJobs signs in to the workspace of a Databricks lake, whose jobs run after a sync. Other lakes have none.
func openJobs(ctx context.Context, cfg config.Lake) (activities.Jobs, error) {
	if cfg.Kind != config.LakeDatabricks {
		return nil, nil //nolint:nilnil // there is nothing to run jobs
	}
	options := databricks.Options{Profile: cfg.Profile, Host: cfg.Host, ClientID: cfg.ClientID}
	for _, secret := range []struct {
		reference string
		into      *string
	}{{cfg.Token, &options.Token}, {cfg.ClientSecret, &options.ClientSecret}} {
		if secret.reference == "" {
			continue
		}
		var err error
		if *secret.into, err = secrets.Resolve(ctx, secret.reference); err != nil {
			return nil, fmt.Errorf("sign in to Databricks: %w", err)
		}
	}
	return databricks.Open(ctx, options)
}
