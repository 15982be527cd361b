package secrets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	keepFor = time.Minute // a changed secret is seen after that
	keepMax = 1000        // secrets held at a time
)

// Resolver resolves references of every kind. The zero value is ready, and resolves what [Resolve] does. It must not be copied
// after its first use. Its methods are safe for concurrent use.
type Resolver struct {
	// Databricks reads a secret of a secret scope: (*databricks.Workspace).Secret. What it returned is kept for a minute, and
	// asked for once however many ask at a time; its errors are not kept. Without it, databricks: is ErrReference.
	Databricks func(ctx context.Context, scope, key string) (string, error)

	asking singleflight.Group
	mu     sync.Mutex
	kept   map[string]kept
}

type kept struct {
	secret string
	until  time.Time
}

// Resolve returns the secret that a reference names, as the package's Resolve does. Errors are also those of Databricks.
func (r *Resolver) Resolve(ctx context.Context, ref string) (string, error) {
	rest, ours := strings.CutPrefix(ref, "databricks:")
	if !ours || r.Databricks == nil || checkDatabricks(rest) != nil {
		return Resolve(ctx, ref)
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("secret %s: %w", ref, err)
	}
	if secret, ok := r.recall(rest); ok {
		return secret, nil
	}
	// The request outlives the one that began it, for the others that wait for it.
	answer := r.asking.DoChan(rest, func() (any, error) { return r.ask(context.WithoutCancel(ctx), rest) })
	select {
	case a := <-answer:
		if a.Err != nil {
			return "", fmt.Errorf("secret %s: %w", ref, a.Err)
		}
		return a.Val.(string), nil
	case <-ctx.Done():
		return "", fmt.Errorf("secret %s: %w", ref, ctx.Err())
	}
}

func (r *Resolver) ask(ctx context.Context, rest string) (string, error) {
	if secret, ok := r.recall(rest); ok { // kept since the caller looked
		return secret, nil
	}
	scope, key, _ := strings.Cut(rest, "/")
	secret, err := r.Databricks(ctx, scope, key)
	if err != nil {
		return "", err
	}
	if secret == "" {
		return "", fmt.Errorf("%w: it is empty; give it a value", ErrNotFound)
	}
	r.keep(rest, secret)
	return secret, nil
}

func (r *Resolver) recall(rest string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.kept[rest]
	return k.secret, ok && time.Now().Before(k.until)
}

func (r *Resolver) keep(rest, secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for old, k := range r.kept {
		if len(r.kept) >= keepMax || now.After(k.until) {
			delete(r.kept, old)
		}
	}
	if r.kept == nil {
		r.kept = map[string]kept{}
	}
	r.kept[rest] = kept{secret, now.Add(keepFor)}
}

// Scopes and keys are letters, digits, dashes, underscores and periods, at most 128; a scope may also have @.
var scopeAndKey = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,128}/[A-Za-z0-9_.-]{1,128}$`)

func checkDatabricks(rest string) error {
	if !scopeAndKey.MatchString(rest) {
		return errors.New("what follows databricks: is not the name of a scope and a key; write databricks:SCOPE/KEY, in letters, digits, dots, dashes and underscores")
	}
	return nil
}

func resolveNowhere(context.Context, string) (string, error) {
	return "", fmt.Errorf("%w: it takes a lake of kind databricks, whose workspace has the scope; use env:NAME or file:PATH elsewhere", ErrReference)
}
