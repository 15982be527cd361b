package rowhash

import (
	"fmt"
	"sort"
)

// Sum is a set of rows without their order.
type Sum struct {
	Rows int64
	Sum  uint64 // of the rows' hashes, modulo 2^64
	Xor  uint64 // of the rows' hashes
}

// Add adds a row.
func (s *Sum) Add(hash uint64) {
	s.Rows++
	s.Sum += hash
	s.Xor ^= hash
}

// Merge adds the rows of another set.
func (s *Sum) Merge(other Sum) {
	s.Rows += other.Rows
	s.Sum += other.Sum
	s.Xor ^= other.Xor
}

// String is the checksum as reports have it: sum and xor, 32 hex digits.
func (s *Sum) String() string { return fmt.Sprintf("%016x%016x", s.Sum, s.Xor) }

// Ranges are the ranges of keys that bounds make, in order: range n has the keys from bound n-1 on, below bound n.
type Ranges []Key

// Len is how many ranges there are: one more than bounds.
func (r Ranges) Len() int { return len(r) + 1 }

// Of is the range that a key is in.
func (r Ranges) Of(key []byte) int {
	return sort.Search(len(r), func(i int) bool { return string(key) < string(r[i]) })
}

// Split makes at most n ranges of about the same number of keys each of a sample of them, which it sorts.
func Split(sample []Key, n int) Ranges {
	sort.Slice(sample, func(i, j int) bool { return sample[i] < sample[j] })
	var bounds Ranges
	for i := 1; i < n && len(sample) > 0; i++ {
		bound := sample[i*len(sample)/n]
		if bound > sample[0] && (len(bounds) == 0 || bound > bounds[len(bounds)-1]) {
			bounds = append(bounds, bound)
		}
	}
	return bounds
}
