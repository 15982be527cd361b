package mariadb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"tributary/internal/table"
)

// manifestName is the file of a run's folder that says which chunks are finished.
const manifestName = "manifest.json"

// Resumable says whether a folder that Extract was given has finished chunks, which another Extract of the same run
// goes on from.
func Resumable(dir string) bool {
	m, err := readManifest(dir)
	return err == nil && m.done() > 0
}

// manifest is what an attempt has read, for the next one. It names everything that the rows depend on.
type manifest struct {
	Of     string    `json:"of"`     // fingerprint
	Raw    table.Raw `json:"raw"`    // what was settled before the first row was read, such as the window
	Chunks []chunk   `json:"chunks"` // in the order of the key
	Taken  int       `json:"taken"`  // chunks begun so far: files are numbered by it
}

// chunk is a span of the key, and where its rows are once Done.
type chunk struct {
	span
	Done      bool      `json:"done,omitempty"`
	Files     []rawFile `json:"files,omitempty"`
	ZeroDates int64     `json:"zero_dates,omitempty"`
}

// rawFile is a file of rows. Its sum tells whether it is still whole: it is not flushed to the disk, which would cost more
// than reading it again.
type rawFile struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	Sum   uint32 `json:"sum"` // CRC-32C
}

func (m manifest) done() (n int) {
	for _, c := range m.Chunks {
		if c.Done {
			n++
		}
	}
	return n
}

// fingerprint tells runs apart that must not share rows: what is read, from which server, with which columns and types.
func (e *extraction) fingerprint() (string, error) {
	client := e.client
	client.Password, client.Connections, client.Limits = "", 0, table.Limits{} // how, not what is read
	text, err := json.Marshal(struct {
		Format   int
		Server   string
		Client   table.Client
		Spec     table.Spec
		Plan     table.Plan
		From, To string
		Key      string
		Created  string
	}{1, e.session.server, client, e.req.Spec, e.req.Plan, e.req.From, e.req.To, fmt.Sprintf("%+v", e.key), e.created})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func readManifest(dir string) (m manifest, err error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

// progressed is the manifest of the attempt under way. It is safe for concurrent use.
type progressed struct {
	dir  string
	keep bool // for another attempt; otherwise only in memory

	mu   sync.Mutex
	m    manifest
	todo []chunk
}

// start lists what is to be read.
func (p *progressed) start() {
	for _, c := range p.m.Chunks {
		if !c.Done {
			p.todo = append(p.todo, c)
		}
	}
}

// take returns the next chunk, and the number of its files.
func (p *progressed) take() (c chunk, number int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.todo) == 0 {
		return c, 0, false
	}
	c, p.todo = p.todo[0], p.todo[1:]
	p.m.Taken++
	return c, p.m.Taken - 1, true
}

// left is how many chunks nobody has taken.
func (p *progressed) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.todo)
}

// finish notes that a chunk was read.
func (p *progressed) finish(done chunk) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.m.Chunks[p.find(done.span)] = done
	return p.write()
}

// replace puts pieces in a chunk's place.
func (p *progressed) replace(of span, pieces []chunk) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.find(of)
	p.m.Chunks = slices.Replace(p.m.Chunks, at, at+1, pieces...)
	p.todo = slices.Concat(pieces, p.todo)
	return p.write()
}

func (p *progressed) find(of span) int {
	return slices.IndexFunc(p.m.Chunks, func(c chunk) bool { return slices.Equal(c.Low, of.Low) && slices.Equal(c.High, of.High) })
}

// write replaces the file at once, so that a worker that is killed leaves the old one or the new one.
func (p *progressed) write() error {
	if !p.keep {
		return nil
	}
	text, err := json.Marshal(p.m)
	if err != nil {
		return err
	}
	path := filepath.Join(p.dir, manifestName)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return scratchError(p.dir, err)
	}
	return scratchError(p.dir, os.Rename(path+".new", path))
}

// counts returns how many chunks there are, and how many are read.
func (p *progressed) counts() (done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m.done(), len(p.m.Chunks)
}

// takeUp returns the manifest of an earlier attempt at the same, with only those chunks done whose files are whole, and removes
// all other files. Without one that fits it returns none, and the folder is empty.
func takeUp(ctx context.Context, dir, fingerprint string) (manifest, bool, error) {
	m, err := readManifest(dir)
	if err != nil || m.Of != fingerprint || m.done() == 0 || !m.covers() {
		return manifest{}, false, emptyDir(dir)
	}
	for i := range m.Chunks {
		whole := true
		for _, f := range m.Chunks[i].Files {
			if whole, err = f.whole(ctx, dir); err != nil || !whole {
				break
			}
		}
		if err != nil {
			return manifest{}, false, err
		}
		if !whole {
			m.Chunks[i] = chunk{span: m.Chunks[i].span}
		}
	}
	return m, true, tidy(dir, m)
}

// covers says whether the chunks are the whole table, without gaps.
func (m manifest) covers() bool {
	for i, c := range m.Chunks {
		if i == 0 && c.Low != nil || i > 0 && (c.Low == nil || !slices.Equal(c.Low, m.Chunks[i-1].High)) {
			return false
		}
		if c.Done && len(c.Files) == 0 {
			return false
		}
	}
	return len(m.Chunks) > 0 && m.Chunks[len(m.Chunks)-1].High == nil
}

// whole says whether the file is as it was written.
func (f rawFile) whole(ctx context.Context, dir string) (bool, error) {
	file, err := os.Open(filepath.Join(dir, filepath.Base(f.Name)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at what an earlier attempt read: %w", err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err != nil || info.Size() != f.Bytes {
		return false, err
	}
	sum := crc32.New(castagnoli)
	buffer := make([]byte, writeBuffer)
	for {
		n, err := file.Read(buffer)
		_, _ = sum.Write(buffer[:n])
		switch {
		case errors.Is(err, io.EOF):
			return sum.Sum32() == f.Sum, nil
		case err != nil:
			return false, nil // a disk that cannot read it back: read it from the source again
		case ctx.Err() != nil:
			return false, ctx.Err()
		}
	}
}

// tidy removes every file that no finished chunk has.
func tidy(dir string, m manifest) error {
	known := map[string]bool{manifestName: true}
	for _, c := range m.Chunks {
		for _, f := range c.Files {
			known[f.Name] = true
		}
	}
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if !known[entry.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	return scratchError(dir, err)
}
