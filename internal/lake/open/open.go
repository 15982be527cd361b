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

// Lake opens the configured lake, for those that need nothing else of it: see Access.
func Lake(ctx context.Context, cfg config.Lake) (lake.Lake, error) { return NewAccess(cfg).Lake(ctx) }

// Names are the names that columns can have in a lake of that kind, or nil where they can have any.
func Names(kind string) lake.Namer {
	if kind == config.LakeLocal {
		return local.Names{}
	}
	return nil
}

// Access is one process's access to the configured lake and to the secrets that may be kept beside it. All of it shares one
// Databricks workspace, which is signed in to when it is first needed: what needs none never asks for credentials. Its
// methods are safe for concurrent use.
type Access struct {
	cfg       config.Lake
	secrets   secrets.Resolver
	signingIn chan struct{} // held while workspace is read or set
	workspace *databricks.Workspace
}

// NewAccess returns the access to a lake. It connects to nothing yet.
func NewAccess(cfg config.Lake) *Access {
	a := &Access{cfg: cfg, signingIn: make(chan struct{}, 1)}
	if cfg.Kind == config.LakeDatabricks {
		a.secrets.Databricks = func(ctx context.Context, scope, key string) (string, error) {
			workspace, err := a.Workspace(ctx)
			if err != nil {
				return "", fmt.Errorf("sign in to the workspace that has it: %w", err)
			}
			return workspace.Secret(ctx, scope, key)
		}
	}
	return a
}

// Resolve returns the secret that a reference names: see secrets.Resolver. Errors are also those of Workspace.
func (a *Access) Resolve(ctx context.Context, reference string) (string, error) {
	return a.secrets.Resolve(ctx, reference)
}

// Lake opens the lake, with group commit. A lake of kind databricks signs in to its workspace; the others connect
// when they are used. The caller closes it.
func (a *Access) Lake(ctx context.Context) (lake.Lake, error) {
	inner, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	return lake.Group(inner), nil
}

func (a *Access) open(ctx context.Context) (lake.Lake, error) {
	switch cfg := a.cfg; cfg.Kind {
	case config.LakeLocal:
		return local.Open(ctx, local.Options{Dir: cfg.Path, MemoryLimit: cfg.Memory, Threads: cfg.Threads})
	case config.LakeSpark:
		password, err := own(ctx, cfg.Password)
		if err != nil {
			return nil, fmt.Errorf("lake.password: %w", err)
		}
		return sparksql.OpenSpark(sparksql.SparkOptions{
			URL: cfg.URL, User: cfg.User, Password: password, Staging: cfg.Staging, Timeout: cfg.StatementTimeout,
		})
	case config.LakeDatabricks:
		workspace, err := a.Workspace(ctx)
		if err != nil {
			return nil, err
		}
		return sparksql.OpenDatabricks(sparksql.DatabricksOptions{
			Workspace: workspace, Warehouse: cfg.Warehouse, Staging: cfg.Staging, Timeout: cfg.StatementTimeout,
		})
	}
	return nil, fmt.Errorf("lake.kind %q is not known", a.cfg.Kind)
}

// Workspace returns the workspace of a lake of kind databricks, signed in to: the same one each time. After an error it is tried
// again. Errors are those of databricks.Open, and of package secrets for the lake's own.
func (a *Access) Workspace(ctx context.Context) (*databricks.Workspace, error) {
	select {
	case a.signingIn <- struct{}{}:
		defer func() { <-a.signingIn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("sign in to Databricks: %w", ctx.Err())
	}
	if a.workspace != nil {
		return a.workspace, nil
	}
	if a.cfg.Kind != config.LakeDatabricks {
		return nil, fmt.Errorf("%w: a lake of kind %s has no workspace", databricks.ErrSettings, a.cfg.Kind)
	}
	token, err := own(ctx, a.cfg.Token)
	if err != nil {
		return nil, fmt.Errorf("lake.token: %w", err)
	}
	secret, err := own(ctx, a.cfg.ClientSecret)
	if err != nil {
		return nil, fmt.Errorf("lake.client_secret: %w", err)
	}
	workspace, err := databricks.Open(ctx, databricks.Options{
		Profile: a.cfg.Profile, Host: a.cfg.Host, Token: token, ClientID: a.cfg.ClientID, ClientSecret: secret,
	})
	a.workspace = workspace
	return workspace, err
}

// own resolves a secret that opens the lake itself, and so cannot be in its workspace; "" stays "".
func own(ctx context.Context, reference string) (string, error) {
	if reference == "" {
		return "", nil
	}
	return secrets.Resolve(ctx, reference)
}
