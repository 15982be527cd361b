// Package arrowfile reads files of rows as Arrow batches: the Arrow IPC streams that keep raw rows on scratch disk, and Parquet. It has the buffers of those who write
// and read them.
package arrowfile

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// headerBuffer is for the headers of batches, in bytes; their bodies are read into place.
const headerBuffer = 64 << 10

// Reader reads one file's batches. Each is valid until the next, unless it is retained.
type Reader struct {
	*ipc.Reader
	file *os.File
}

// Open begins to read a file; the batches' buffers are the pool's.
func Open(path string, pool *Pool) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	reader, err := ipc.NewReader(bufio.NewReaderSize(file, headerBuffer), ipc.WithAllocator(pool))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return &Reader{reader, file}, nil
}

// Close releases the batch in hand and closes the file.
func (r *Reader) Close() {
	r.Release()
	_ = r.file.Close() // opened for reading: nothing can be lost
}
