package mariadb

import (
	"database/sql/driver"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// decimal takes DECIMAL(p, s) as the text that the server sends, and BIGINT UNSIGNED as an integer where it fits one.
func decimal(b *array.Decimal128Builder, p, s int) appendValue {
	return func(v driver.Value) error {
		switch v := v.(type) {
		case int64:
			if s != 0 {
				return errKind
			}
			b.Append(decimal128.FromI64(v))
			return nil
		case []byte:
			n, err := parseDecimal(v, p, s)
			if err == nil {
				b.Append(n)
			}
			return err
		}
		return errKind
	}
}

// parseDecimal reads "-123.45" as an integer of s decimals. More digits than decimal(p, s) holds are an
// error, never rounded.
func parseDecimal(text []byte, p, s int) (decimal128.Num, error) {
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

// What a date's text turned out to be.
type dateKind int

const (
	dateOK dateKind = iota
	dateZero
	dateMalformed
)

// parseDate reads "2006-01-02" as days since 1970-01-01. Year 0, month 0, day 0 and days that the month
// does not have are dateZero: MariaDB can store them, the Gregorian calendar from year 1 cannot.
func parseDate(text []byte) (int64, dateKind) {
	if len(text) != 10 || text[4] != '-' || text[7] != '-' {
		return 0, dateMalformed
	}
	year, month, day := number(text[0:4]), number(text[5:7]), number(text[8:10])
	switch {
	case year < 0 || month < 0 || day < 0:
		return 0, dateMalformed
	case year == 0 || month == 0 || month > 12 || day == 0 || day > daysIn(year, month):
		return 0, dateZero
	}
	return daysSinceEpoch(year, month, day), dateOK
}

// parseDatetime reads "2006-01-02 15:04:05[.000000]" as microseconds since 1970-01-01 00:00.
func parseDatetime(text []byte) (int64, dateKind) {
	if len(text) < 19 || text[10] != ' ' || text[13] != ':' || text[16] != ':' {
		return 0, dateMalformed
	}
	days, kind := parseDate(text[:10])
	if kind == dateMalformed {
		return 0, kind
	}
	hour, minute, second, micros := number(text[11:13]), number(text[14:16]), number(text[17:19]), int64(0)
	if fraction := text[19:]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) < 2 || len(fraction) > 7 {
			return 0, dateMalformed
		}
		micros = number(fraction[1:])
		for range 7 - len(fraction) {
			micros *= 10
		}
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || micros < 0 {
		return 0, dateMalformed
	}
	return days*dayMicros + ((hour*60+minute)*60+second)*1_000_000 + micros, kind
}

// number reads decimal digits; anything else is negative.
func number(digits []byte) int64 {
	var n int64
	for _, ch := range digits {
		d := ch - '0'
		if d > 9 {
			return -1
		}
		n = n*10 + int64(d)
	}
	return n
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSinceEpoch counts days in the proleptic Gregorian calendar, as in Howard Hinnant's days_from_civil.
func daysSinceEpoch(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400 // year ≥ 0: the calendar begins in year 1
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear - 719468
}
