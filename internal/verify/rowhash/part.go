package rowhash

import "sort"

// Interval is the keys from From on, below To. An empty From or To is open.
type Interval struct{ From, To Key }

// Part is some of a table's keys, as intervals that are in order and do not overlap.
type Part []Interval

// Has says whether a key is in the part.
func (p Part) Has(key []byte) bool {
	i := sort.Search(len(p), func(i int) bool { return p[i].To == "" || string(key) < string(p[i].To) })
	return i < len(p) && string(key) >= string(p[i].From)
}

// Interval is the n-th range.
func (r Ranges) Interval(n int) Interval {
	var i Interval
	if n > 0 {
		i.From = r[n-1]
	}
	if n < len(r) {
		i.To = r[n]
	}
	return i
}
