package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tributary/config/strict"
)

// maxFile bounds the clients' file, in bytes: some 100,000 clients.
const maxFile = 64 << 20

// NewFile returns a registry that is a YAML or JSON file. It is read at every call, so that an edit
// takes effect at once. Replace the file rather than write over it: half a file is ErrInvalid.
func NewFile(path string) Registry { return registry{fileSource(path)} }

type fileSource string

func (fileSource) whole() bool { return true }

func (s fileSource) load(ctx context.Context, _ string, _ bool) (contents, error) {
	if err := ctx.Err(); err != nil {
		return contents{}, err
	}
	data, err := s.read()
	if err != nil {
		return contents{}, err
	}
	f := strict.Parse(filepath.Base(string(s)), data)
	c := newChecks()
	if next := c.add(f); next != "" {
		c.faults = append(c.faults, strict.Fault{File: f.Name, Key: "next", Problem: "a file has no further pages", Fix: "remove it"})
	}
	if err := c.faults.Err(); err != nil {
		return contents{}, fmt.Errorf("%w (%s):\n%w", ErrInvalid, string(s), err)
	}
	return c.contents, nil
}

func (s fileSource) read() ([]byte, error) {
	file, err := os.Open(string(s))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w: %w; create the file or let it be read, or correct clients.file", ErrInvalid, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer file.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: %s is larger than %d bytes; correct clients.file", ErrInvalid, string(s), maxFile)
	}
	return data, nil
}
