package arrowfile

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// Pool is an Arrow allocator that hands the buffers of released batches to the next ones. One pass over rows goes through gigabytes
// in batches of the same few sizes; the garbage collector would clear each anew, and otherwise let several batches' worth pile up. What a batch
// holds must not be read after its last Release. It is safe for concurrent use.
type Pool struct {
	mu   sync.Mutex
	free [64][][]byte // by the power of two that is a buffer's capacity
}

// Scrub has pools overwrite what is handed back: tests set it to prove that nobody reads released batches.
var Scrub atomic.Bool

const (
	// smallest keeps tiny buffers from being pooled by themselves, and aligned to 64 bytes as Arrow advises.
	smallest = 64
	// largest keeps the buffer of one huge value from being held until the end: batches have about 8 MiB.
	largest = 32 << 20
)

func class(size int) int { return bits.Len(uint(max(size, smallest) - 1)) }

// Allocate returns a buffer of size bytes. Its contents are not cleared: Arrow's builders clear what they rely on.
func (p *Pool) Allocate(size int) []byte {
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
func (p *Pool) Reallocate(size int, buffer []byte) []byte {
	if size <= cap(buffer) {
		return buffer[:size]
	}
	grown := p.Allocate(size)
	copy(grown, buffer)
	p.Free(buffer)
	return grown
}

// Free takes a buffer back.
func (p *Pool) Free(buffer []byte) {
	if Scrub.Load() {
		scrub(buffer[:cap(buffer)])
	}
	if cap(buffer) < smallest || cap(buffer) > largest {
		return
	}
	c := bits.Len(uint(cap(buffer) - 1))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[c] = append(p.free[c], buffer[:0])
}

func scrub(buffer []byte) {
	for i := range buffer {
		buffer[i] = 0xa5
	}
}
