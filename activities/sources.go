package activities

import (
	"context"
	"errors"
	"reflect"
	"sync"

	"tributary/internal/mariadb"
	"tributary/internal/table"
)

// Sources keeps one bounded connection pool per client, so that the tables of a client share its
// connections. It is safe for concurrent use.
type Sources struct {
	// Resolve turns a client's password reference into the password.
	Resolve func(ctx context.Context, reference string) (string, error)
	// Limits are those of clients that have none of their own.
	Limits table.Limits

	mu   sync.Mutex
	open map[string]*openSource
}

type openSource struct {
	client   table.Client
	password string
	source   *mariadb.Source
	users    int
	retired  bool
}

// Get returns the client's pool until release is called. A client whose address or password changed gets a
// new pool; the old one is closed when its last user releases it.
func (s *Sources) Get(ctx context.Context, client table.Client) (source *mariadb.Source, release func(), err error) {
	var password string
	if client.Password != "" {
		if password, err = s.Resolve(ctx, client.Password); err != nil {
			return nil, nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := s.open[client.ID]
	if entry == nil || entry.password != password || !reflect.DeepEqual(entry.client, client) {
		limited := client
		limited.Limits = client.Bounds(s.Limits)
		fresh, err := mariadb.Open(limited, password)
		if err != nil {
			return nil, nil, err
		}
		if entry != nil {
			entry.retire()
		}
		entry = &openSource{client: client, password: password, source: fresh}
		if s.open == nil {
			s.open = map[string]*openSource{}
		}
		s.open[client.ID] = entry
	}
	entry.users++
	return entry.source, func() { s.release(entry) }, nil
}

func (s *Sources) release(entry *openSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if entry.users--; entry.retired && entry.users == 0 {
		_ = entry.source.Close() // nobody uses it, and there is nothing to lose
	}
}

func (o *openSource) retire() {
	if o.retired = true; o.users == 0 {
		_ = o.source.Close()
	}
}

// Close closes every pool. Call it when no activity runs any more.
func (s *Sources) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, entry := range s.open {
		errs = append(errs, entry.source.Close())
	}
	s.open = nil
	return errors.Join(errs...)
}
