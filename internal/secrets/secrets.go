// Package secrets resolves secret references, so that configs, registries and workflow payloads
// hold references and never secrets:
//
//	env:NAME    the environment variable of the process that resolves it
//	file:PATH   the file's content, without its last line break; a relative path is
//	            relative to the process's working directory
//	databricks:SCOPE/KEY
//	            a secret of a secret scope, by a [Resolver] that is signed in to the workspace
//
// Errors name the reference and never the value. What is no reference is not shown
// either: it may be a secret that someone wrote in the wrong place.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

var (
	// ErrReference is returned for text that is not a secret reference. It is permanent.
	ErrReference = errors.New("not a usable secret reference")
	// ErrNotFound is returned when the reference is well-formed and nothing, or nothing but empty text, is there.
	ErrNotFound = errors.New("secret not found")
	// ErrDenied is returned when the process may not read the secret. It is permanent.
	ErrDenied = errors.New("secret may not be read")
)

// maxFile bounds a secret's file, in bytes: what is larger is the wrong file.
const maxFile = 64 << 10

// scheme is one kind of reference. Both functions get what follows the colon.
type scheme struct {
	check   func(rest string) error
	resolve func(ctx context.Context, rest string) (string, error)
}

var schemes = map[string]scheme{
	"env":        {checkEnv, resolveEnv},
	"file":       {checkFile, resolveFile},
	"databricks": {checkDatabricks, resolveNowhere},
}

// Check says whether a reference is well-formed, without looking the secret up. Its error is ErrReference.
func Check(ref string) error {
	_, _, err := parse(ref)
	return err
}

// Resolve returns the secret that a reference names: never empty. Errors are ErrReference, ErrNotFound, or
// the operating system's. A databricks: reference is ErrReference: it takes a [Resolver].
func Resolve(ctx context.Context, ref string) (string, error) {
	s, rest, err := parse(ref)
	if err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("secret %s: %w", ref, err)
	}
	secret, err := s.resolve(ctx, rest)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", ref, err)
	}
	return secret, nil
}

func parse(ref string) (scheme, string, error) {
	name, rest, ok := strings.Cut(ref, ":")
	s, known := schemes[name]
	if !ok || !known {
		return scheme{}, "", fmt.Errorf("%w (its text is not shown, in case it is the secret): write env:NAME, file:PATH or databricks:SCOPE/KEY", ErrReference)
	}
	if err := s.check(rest); err != nil {
		return scheme{}, "", fmt.Errorf("%w: %w", ErrReference, err)
	}
	return s, rest, nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnv(name string) error {
	if !envName.MatchString(name) {
		return errors.New("what follows env: is not the name of an environment variable; use letters, digits and _")
	}
	return nil
}

func resolveEnv(_ context.Context, name string) (string, error) {
	value, set := os.LookupEnv(name)
	if !set {
		return "", fmt.Errorf("%w: set the environment variable %s for this process", ErrNotFound, name)
	}
	if value == "" {
		return "", fmt.Errorf("%w: the environment variable %s is set but empty; give it a value", ErrNotFound, name)
	}
	return value, nil
}

func checkFile(path string) error {
	if path == "" || strings.ContainsAny(path, "\x00\n\r") {
		return errors.New("what follows file: is not a path; write file:/run/secrets/name")
	}
	return nil
}

func resolveFile(_ context.Context, path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%w: there is no such file; create it, or correct the path", ErrNotFound)
	case err != nil:
		return "", err
	case !info.Mode().IsRegular(): // reading a pipe could block for ever
		return "", fmt.Errorf("%w: it is not a file but a %s; name a file", ErrNotFound, kind(info))
	}
	return readFile(path)
}

func kind(info os.FileInfo) string {
	if info.IsDir() {
		return "folder"
	}
	return "device or pipe"
}

func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("the file is larger than %d bytes; name the file that holds only the secret", maxFile)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("%w: the file is empty; write the secret into it", ErrNotFound)
	}
	return secret, nil
}
