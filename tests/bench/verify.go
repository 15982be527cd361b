package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// verify measures comparing orders with its source against loading it in full, by one worker.
func (b *bench) verify(ctx context.Context) (err error) {
	server, err := b.orders(b.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	var ratios, seconds, peaks []float64
	for run := range b.runs {
		s, err := ordersStack(ctx, server, filepath.Join(b.dir, fmt.Sprintf("verify-%d", run)), ordersSync)
		if err != nil {
			return err
		}
		loaded, loadErr := s.sync(ctx)
		before := s.cpu()
		verified, verifyErr := s.verify(ctx)
		cpu := s.cpu() - before
		peak, stopErr := s.stop()
		if err := errors.Join(loadErr, verifyErr, stopErr); err != nil {
			return err
		}
		notef("run %d: full load %.2f s, verify %.2f s, %.1f s of CPU", run+1, loaded.Seconds(), verified.Seconds(), cpu)
		ratios, seconds, peaks = append(ratios, verified.Seconds()/loaded.Seconds()), append(seconds, verified.Seconds()), append(peaks, peak)
	}
	return errors.Join(
		report("verify_vs_full_load", median(ratios), "x", 1),
		report("verify_seconds", median(seconds), "s", 0),
		report("verify_peak_memory", median(peaks), "MiB", 512))
}
