package mariadb

import (
	"math/bits"
	"sync"
)

// pool is an Arrow allocator that hands the buffers of written batches to the next ones. One extraction
// goes through gigabytes in batches of the same few sizes; the garbage collector would otherwise let several batches' worth pile up.
type pool struct {
	mu   sync.Mutex
	free [64][][]byte // by the power of two that is a buffer's capacity
}

// smallest keeps tiny buffers from being pooled by themselves, and aligned to 64 bytes as Arrow advises.
const smallest = 64

// largest keeps the buffer of one huge value from being held until the end.
const largest = 4 * batchBytes

func newPool() *pool { return &pool{} }

func class(size int) int { return bits.Len(uint(max(size, smallest) - 1)) }

// Allocate returns a buffer of size bytes. Builders clear what they rely on.
func (p *pool) Allocate(size int) []byte {
	c := class(size)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free[c]); n > 0 {
		buffer := p.free[c][n-1]
		p.free[c] = p.free[c][:n-1]
		return buffer[:size]
	}
	return make([]byte, size, 1<<c)
}

// Reallocate grows or shrinks a buffer and keeps its contents.
func (p *pool) Reallocate(size int, buffer []byte) []byte {
	if size <= cap(buffer) {
		return buffer[:size]
	}
	grown := p.Allocate(size)
	copy(grown, buffer)
	p.Free(buffer)
	return grown
}

// Free takes a buffer back.
func (p *pool) Free(buffer []byte) {
	if cap(buffer) < smallest || cap(buffer) > largest {
		return
	}
	c := bits.Len(uint(cap(buffer) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[c] = append(p.free[c], buffer[:0])
}
