package mariadb

import (
	"bufio"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

const (
	fileRows    = 1 << 20
	fileBytes   = 1 << 30
	writeBuffer = 1 << 20
	queued      = 2 // batches between the reader and the writer
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// output writes record batches to numbered files, in a goroutine of its own so that reading goes on meanwhile.
type output struct {
	dir    string
	number int // of the chunk
	schema *arrow.Schema
	pace   func(rows int64) error // waits until so many rows may be taken; nil does not
	queue  chan arrow.RecordBatch
	done   chan struct{} // closed when the writer has ended
	err    error         // the writer's, once done is closed

	files []rawFile
	rows  int64

	file     *os.File
	buffer   *bufio.Writer
	sum      hash.Hash32
	writer   *ipc.Writer
	fileRows int64
}

func newOutput(dir string, number int, schema *arrow.Schema) *output {
	o := &output{dir: dir, number: number, schema: schema, queue: make(chan arrow.RecordBatch, queued), done: make(chan struct{})}
	go o.run()
	return o
}

// errStopped tells the reader that the writer gave up; close returns why.
var errStopped = errors.New("writing stopped")

// send hands a batch over to the writer, which releases it. Where there is a pace, it waits first: the server then
// waits too, as its rows are not taken.
func (o *output) send(batch arrow.RecordBatch) error {
	if o.pace != nil {
		if err := o.pace(batch.NumRows()); err != nil {
			batch.Release()
			return err
		}
	}
	select {
	case o.queue <- batch:
		return nil
	case <-o.done:
		batch.Release()
		return errStopped
	}
}

// close waits for what was sent and returns the first error of the writer.
func (o *output) close() error {
	close(o.queue)
	<-o.done
	for batch := range o.queue { // sent just as the writer gave up
		batch.Release()
	}
	return scratchError(o.dir, o.err)
}

func (o *output) run() {
	defer close(o.done)
	o.err = o.writeAll()
	if o.file != nil {
		o.err = errors.Join(o.err, o.finish())
	}
}

func (o *output) writeAll() error {
	for batch := range o.queue {
		err := o.write(batch)
		batch.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *output) write(batch arrow.RecordBatch) error {
	if o.file != nil && (o.fileRows+batch.NumRows() > fileRows || o.size() > fileBytes) {
		if err := o.finish(); err != nil {
			return err
		}
	}
	if o.file == nil {
		if err := o.begin(); err != nil {
			return err
		}
	}
	o.fileRows += batch.NumRows()
	o.rows += batch.NumRows()
	return o.writer.Write(batch)
}

func (o *output) begin() (err error) {
	name := fmt.Sprintf("raw-%05d-%05d.arrow", o.number, len(o.files))
	if o.file, err = os.OpenFile(filepath.Join(o.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	o.files = append(o.files, rawFile{Name: name})
	o.fileRows = 0
	o.sum = crc32.New(castagnoli)
	o.buffer = bufio.NewWriterSize(io.MultiWriter(o.file, o.sum), writeBuffer)
	o.writer = ipc.NewWriter(o.buffer, ipc.WithSchema(o.schema))
	return nil
}

// size is how much of the current file has reached the disk.
func (o *output) size() int64 {
	info, err := o.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

func (o *output) finish() error {
	file := o.file
	o.file = nil
	err := errors.Join(o.writer.Close(), o.buffer.Flush())
	if info, statErr := file.Stat(); statErr != nil {
		err = errors.Join(err, statErr)
	} else if n := len(o.files) - 1; n >= 0 {
		o.files[n].Rows, o.files[n].Bytes, o.files[n].Sum = o.fileRows, info.Size(), o.sum.Sum32()
	}
	return errors.Join(err, file.Close())
}

// makeDir makes the folder.
func makeDir(dir string) error {
	if dir == "" || !filepath.IsAbs(dir) {
		return fmt.Errorf("%w: scratch folder %q is not an absolute path", ErrUnsupported, dir)
	}
	return scratchError(dir, os.MkdirAll(dir, 0o700))
}

// emptyDir removes what is in the folder.
func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, entry.Name())))
	}
	return scratchError(dir, err)
}

// scratchError says what to do about a scratch disk that takes no more.
func scratchError(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the scratch disk at %q is full; free space or move the worker's scratch folder: %w", dir, err)
	}
	return fmt.Errorf("write to the scratch folder %q: %w", dir, err)
}
