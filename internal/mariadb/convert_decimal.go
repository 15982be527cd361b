package mariadb

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// parseDecimal reads "-123.45" as an integer of s decimals. More digits than decimal(p, s) holds are an
// error, never rounded.
func parseDecimal(text []byte, p, s int) (decimal128.Num, error) {
	if n, ok := shortDecimal(text, p, s); ok {
		return decimal128.FromI64(n), nil
	}
	return longDecimal(text, p, s)
}

// shortDecimal reads what most decimals are: digits that fit an int64, s of them behind the point. All else is not ok.
func shortDecimal(text []byte, p, s int) (n int64, ok bool) {
	whole, fraction := text, text[:0]
	if negative := len(text) > 0 && text[0] == '-'; negative {
		whole = text[1:]
	}
	if s > 0 {
		point := len(whole) - s - 1
		if point < 0 || whole[point] != '.' {
			return 0, false
		}
		whole, fraction = whole[:point], whole[point+1:]
	}
	if len(whole) == 0 || len(whole)+s > min(p, 18) {
		return 0, false
	}
	for _, part := range [2][]byte{whole, fraction} {
		for _, ch := range part {
			d := ch - '0'
			if d > 9 {
				return 0, false
			}
			n = 10*n + int64(d)
		}
	}
	if text[0] == '-' {
		n = -n
	}
	return n, true
}

func longDecimal(text []byte, p, s int) (decimal128.Num, error) {
	negative := len(text) > 0 && text[0] == '-'
	if negative || len(text) > 0 && text[0] == '+' {
		text = text[1:]
	}
	var high, low uint64
	digits, fraction, point, seen := 0, 0, false, false
	for _, ch := range text {
		if ch == '.' && !point {
			point = true
			continue
		}
		d := uint64(ch - '0')
		if d > 9 {
			return decimal128.Num{}, errKind
		}
		seen = true
		if point && fraction == s {
			if d != 0 {
				return decimal128.Num{}, errFit
			}
			continue
		}
		if point {
			fraction++
		}
		if digits > 0 || d != 0 {
			digits++
		}
		high, low = timesTen(high, low, d)
	}
	for ; fraction < s; fraction++ {
		if digits > 0 {
			digits++
		}
		high, low = timesTen(high, low, 0)
	}
	switch {
	case !seen:
		return decimal128.Num{}, errKind
	case digits > p: // p ≤ 38 digits fit 127 bits
		return decimal128.Num{}, errFit
	}
	n := decimal128.New(int64(high), low)
	if negative {
		n = n.Negate()
	}
	return n, nil
}

func timesTen(high, low, digit uint64) (uint64, uint64) {
	carry, low := bits.Mul64(low, 10)
	low, more := bits.Add64(low, digit, 0)
	return high*10 + carry + more, low
}
