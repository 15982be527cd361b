package mariadb

import (
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// between returns up to n values above first and up to last, evenly spaced.
func between(c keyColumn, first, last string, n int) ([]string, error) {
	low, err := c.number(first)
	if err != nil {
		return nil, err
	}
	high, err := c.number(last)
	if err != nil {
		return nil, err
	}
	var points []string
	for _, number := range spread(low, high, n) {
		points = append(points, c.text(number))
	}
	return points, nil
}

// spread returns up to n numbers above low and up to high, evenly spaced.
func spread(low, high *big.Int, n int) []*big.Int {
	var numbers []*big.Int
	width := new(big.Int).Sub(high, low)
	previous := low
	for i := 1; i <= n; i++ {
		at := new(big.Int).Mul(width, big.NewInt(int64(i)))
		at.Add(low, at.Quo(at, big.NewInt(int64(n+1))))
		if i == n && at.Cmp(low) <= 0 {
			at.Set(high) // neighbours: there is nothing between them
		}
		if at.Cmp(previous) > 0 {
			numbers, previous = append(numbers, at), at
		}
	}
	return numbers
}

var firstDay = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)

// number is a value as a number that orders as the values do. Of zero and impossible dates it is that of a day nearby.
func (c keyColumn) number(value string) (*big.Int, error) {
	switch c.kind {
	case keyInteger, keyDecimal:
		whole, fraction, _ := strings.Cut(value, ".")
		digits := whole + fraction + strings.Repeat("0", max(c.scale-len(fraction), 0))
		if number, ok := new(big.Int).SetString(digits, 10); ok {
			return number, nil
		}
	case keyDate, keyTime:
		t, err := time.Parse(time.DateTime, value) // takes a fraction of any length
		if err != nil {
			var year, month, day int
			if _, err := fmt.Sscanf(value, "%d-%d-%d", &year, &month, &day); err != nil {
				return nil, fmt.Errorf("key column %q has a value that is no date", c.name)
			}
			t = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		}
		if t.Before(firstDay) {
			t = firstDay
		}
		if c.kind == keyDate {
			return big.NewInt(t.Unix() / int64(day/time.Second)), nil
		}
		return big.NewInt(t.UnixMicro()), nil
	}
	return nil, fmt.Errorf("key column %q has a value that is no number", c.name)
}

// text is the value of a number.
func (c keyColumn) text(number *big.Int) string {
	switch c.kind {
	case keyDate:
		return time.Unix(number.Int64()*int64(day/time.Second), 0).UTC().Format(dateLayout)
	case keyTime:
		return time.UnixMicro(number.Int64()).UTC().Format(timeLayout)
	case keyDecimal:
		if c.scale > 0 {
			digits := fmt.Sprintf("%0*s", c.scale+1, new(big.Int).Abs(number).String())
			sign := strings.Repeat("-", max(-number.Sign(), 0))
			return sign + digits[:len(digits)-c.scale] + "." + digits[len(digits)-c.scale:]
		}
	}
	return number.String()
}

// guesses are literals that may lie between two values of a text, binary or UUID column.
func (s *splitter) guesses(c keyColumn, first, last string, n int) ([]string, error) {
	var guesses []string
	switch c.kind {
	case keyText:
		texts, err := s.texts(c, first, last)
		if err != nil {
			return nil, err
		}
		for _, text := range guessTexts(texts[0], texts[1], n, strings.HasPrefix(c.charset, "utf8")) {
			guesses = append(guesses, ascii(text))
		}
	case keyBinary:
		low, err := hex.DecodeString(first)
		if err != nil {
			return nil, err
		}
		high, err := hex.DecodeString(last)
		if err != nil {
			return nil, err
		}
		for _, bytes := range spreadBytes(low, high, n) {
			guesses = append(guesses, "x'"+strings.ToUpper(hex.EncodeToString(bytes))+"'")
		}
	case keyUUID:
		low, err := uuid.Parse(first)
		if err != nil {
			return nil, err
		}
		high, err := uuid.Parse(last)
		if err != nil {
			return nil, err
		}
		for _, id := range guessUUIDs(low, high, n) {
			guesses = append(guesses, "'"+id.String()+"'")
		}
	}
	return guesses, nil
}

// texts returns two values of a text column in UTF-8.
func (s *splitter) texts(c keyColumn, first, last string) (texts [2]string, err error) {
	var literals [2]string
	for i, value := range []string{first, last} {
		if literals[i], err = c.literal(value); err != nil {
			return texts, err
		}
	}
	err = s.query("SELECT CONVERT("+literals[0]+" USING utf8mb4), CONVERT("+literals[1]+" USING utf8mb4)",
		func(rows *sql.Rows) error { return rows.Scan(&texts[0], &texts[1]) })
	return texts, err
}

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

// guessTexts begins as both texts do, and goes on with what may come between them. Unless any character may be used, they are ASCII
// or the texts' own: the server refuses to compare with what a column cannot hold.
func guessTexts(first, last string, n int, unicode bool) []string {
	a, b := []rune(first), []rune(last)
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	prefix := string(b[:same])
	var guesses []string
	follow := func(begin string) {
		for _, r := range alphabet {
			guesses = append(guesses, begin+string(r))
		}
	}
	follow(prefix)
	if same < len(b) {
		next := ' '
		if same < len(a) {
			next = a[same]
		}
		if from, to := min(next, b[same]), max(next, b[same]); to < utf8.RuneSelf || unicode {
			for _, at := range spread(big.NewInt(int64(from)), big.NewInt(int64(to)), n) {
				guesses = append(guesses, prefix+string(rune(at.Int64())))
			}
		}
		follow(prefix + string(b[same]))
	}
	if same < len(a) {
		follow(prefix + string(a[same]))
	}
	return slices.DeleteFunc(guesses, func(text string) bool { return !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) })
}

// spreadBytes returns up to n texts of bytes between two, by what follows where they differ.
func spreadBytes(low, high []byte, n int) [][]byte {
	same := 0
	for same < len(low) && same < len(high) && low[same] == high[same] {
		same++
	}
	number := func(from []byte) *big.Int {
		var next [8]byte
		copy(next[:], from[same:])
		return new(big.Int).SetUint64(binary.BigEndian.Uint64(next[:]))
	}
	var spreads [][]byte
	for _, at := range spread(number(low), number(high), n) {
		spreads = append(spreads, binary.BigEndian.AppendUint64(slices.Clone(high[:same]), at.Uint64()))
	}
	return spreads
}

// guessUUIDs spreads over both orders in which MariaDB keeps UUIDs: that of their bytes, and, for those that begin with a
// time, that of their groups from the last to the first.
func guessUUIDs(low, high uuid.UUID, n int) []uuid.UUID {
	var guesses []uuid.UUID
	for _, order := range [][16]int{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		{10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3},
	} {
		var from, to [16]byte
		for i, at := range order {
			from[i], to[i] = low[at], high[at]
		}
		for _, bytes := range spreadBytes(from[:], to[:], n) {
			var id uuid.UUID
			for i, b := range bytes[:min(len(bytes), 16)] {
				id[order[i]] = b
			}
			guesses = append(guesses, id)
		}
	}
	return guesses
}
