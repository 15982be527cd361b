// Package open is the one place that knows every kind of lake.
package open

import (
	"context"
	"fmt"

	"tributary/config"
	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/lake/local"
	"tributary/internal/lake/sparksql"
	"tributary/internal/secrets"
)

// Lake opens the configured lake, with group commit. A lake of kind databricks signs in to its workspace; the others connect
// when they are used. The caller closes it.
func Lake(ctx context.Context, cfg config.Lake) (lake.Lake, error) {
	inner, err := open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return lake.Group(inner), nil
}

func open(ctx context.Context, cfg config.Lake) (lake.Lake, error) {
	switch cfg.Kind {
	case config.LakeLocal:
		return local.Open(ctx, local.Options{Dir: cfg.Path, MemoryLimit: cfg.Memory, Threads: cfg.Threads})
	case config.LakeSpark:
		password, err := resolve(ctx, cfg.Password)
		if err != nil {
			return nil, fmt.Errorf("lake.password: %w", err)
		}
		return sparksql.OpenSpark(sparksql.SparkOptions{
			URL: cfg.URL, User: cfg.User, Password: password, Staging: cfg.Staging, Timeout: cfg.StatementTimeout,
		})
	case config.LakeDatabricks:
		workspace, err := Workspace(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return sparksql.OpenDatabricks(sparksql.DatabricksOptions{
			Workspace: workspace, Warehouse: cfg.Warehouse, Staging: cfg.Staging, Timeout: cfg.StatementTimeout,
		})
	}
	return nil, fmt.Errorf("lake.kind %q is not known", cfg.Kind)
}

// Workspace signs in to the workspace of a lake of kind databricks.
func Workspace(ctx context.Context, cfg config.Lake) (*databricks.Workspace, error) {
	token, err := resolve(ctx, cfg.Token)
	if err != nil {
		return nil, fmt.Errorf("lake.token: %w", err)
	}
	secret, err := resolve(ctx, cfg.ClientSecret)
	if err != nil {
		return nil, fmt.Errorf("lake.client_secret: %w", err)
	}
	return databricks.Open(ctx, databricks.Options{
		Profile: cfg.Profile, Host: cfg.Host, Token: token, ClientID: cfg.ClientID, ClientSecret: secret,
	})
}

// resolve resolves a reference to one of the lake's own secrets; "" stays "".
func resolve(ctx context.Context, reference string) (string, error) {
	if reference == "" {
		return "", nil
	}
	return secrets.Resolve(ctx, reference)
}
