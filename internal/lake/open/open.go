// Package open is the one place that knows every kind of lake.
package open

import (
	"context"
	"fmt"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/local"
)

// Lake opens the configured lake, with group commit. The caller closes it.
func Lake(ctx context.Context, cfg config.Lake) (lake.Lake, error) {
	switch cfg.Kind {
	case config.LakeLocal:
		l, err := local.Open(ctx, local.Options{Dir: cfg.Path, MemoryLimit: cfg.Memory, Threads: cfg.Threads})
		if err != nil {
			return nil, err
		}
		return lake.Group(l), nil
	default:
		return nil, fmt.Errorf("lake.kind %q is not known", cfg.Kind)
	}
}
