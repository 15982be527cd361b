package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tributary/config"
	"tributary/internal/lake"
)

// errNoLake says that nothing was ever written to the lake. Reading it must not make one in the wrong place.
var errNoLake = errors.New("there is no lake yet")

// openLake opens the lake to read it, or returns errNoLake. The caller closes it.
func (a *app) openLake(ctx context.Context, cfg *config.Config) (lake.Lake, error) {
	if cfg.Lake.Kind == config.LakeLocal {
		if _, err := os.Stat(cfg.Lake.Path); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w at %s: run a sync first, or correct lake.path", errNoLake, cfg.Lake.Path)
		}
	}
	return a.access.Lake(ctx)
}

// checkLake says why a lake's folder cannot be written. One that does not exist is not made: then its nearest
// parent must be writable.
func checkLake(cfg config.Lake) error {
	folder := cfg.Path
	for {
		info, err := os.Stat(folder)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is not a folder; correct lake.path", folder)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) || folder == filepath.Dir(folder) {
			return fmt.Errorf("%w; correct lake.path, or its owner or rights", err)
		}
		folder = filepath.Dir(folder)
	}
	probe, err := os.CreateTemp(folder, ".tributary-check-*")
	if err != nil {
		return fmt.Errorf("the folder %s cannot be written: %w; correct lake.path, or its owner or rights", folder, err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
