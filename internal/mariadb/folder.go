package mariadb

import (
	"context"
	"sync"
)

// folders are those that an Extract of this process works in, until the channel is closed. An attempt that its caller has given up for lost, as
// when the process stood still and its heartbeats were late, goes on until it learns of it; the next one may have begun in the same folder,
// and each would remove the other's files.
var folders = struct {
	sync.Mutex
	busy map[string]chan struct{}
}{busy: map[string]chan struct{}{}}

// enter waits until nobody else works in the folder.
func enter(ctx context.Context, dir string) (leave func(), err error) {
	for {
		folders.Lock()
		busy := folders.busy[dir]
		if busy == nil && ctx.Err() == nil {
			break
		}
		folders.Unlock()
		select {
		case <-busy: // for ever where it is nil, and ctx has ended
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	defer folders.Unlock()
	left := make(chan struct{})
	folders.busy[dir] = left
	return func() {
		folders.Lock()
		defer folders.Unlock()
		delete(folders.busy, dir)
		close(left)
	}, nil
}
