package mariadb

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// errZeroDate is a date that MariaDB can store and the Gregorian calendar from year 1 has not; it is for converters.noDate.
var errZeroDate = errors.New("zero or impossible date")

// dayMemo remembers the day that it last worked out: neighbouring rows are often of the same one.
type dayMemo struct {
	date [4]byte
	days int64
	err  error
}

// datetime reads a DATE, DATETIME or TIMESTAMP at p[at:] as days since 1970-01-01 and microseconds since midnight, and says
// where it ends. A date that is none is errZeroDate; what is no date either is errKind.
func (m *dayMemo) datetime(p []byte, at int) (days, micros int64, next int, err error) {
	if at >= len(p) {
		return 0, 0, 0, errMalformed
	}
	size := int(p[at])
	v := p[at+1:]
	if size > len(v) {
		return 0, 0, 0, errMalformed
	}
	switch next = at + 1 + size; size {
	case 0:
		return 0, 0, next, errZeroDate
	case 4:
	case 11:
		if micros = int64(binary.LittleEndian.Uint32(v[7:])); micros > 999_999 {
			return 0, 0, next, errKind
		}
		fallthrough
	case 7:
		hour, minute, second := v[4], v[5], v[6]
		if hour > 23 || minute > 59 || second > 59 {
			return 0, 0, next, errKind
		}
		micros += ((int64(hour)*60+int64(minute))*60 + int64(second)) * 1_000_000
	default:
		return 0, 0, 0, errMalformed
	}
	days, err = m.day([4]byte(v))
	return days, micros, next, err
}

// day is the days since 1970-01-01 of a year (two bytes), month and day. Year 0, month 0, day 0 and days that the
// month does not have are errZeroDate.
func (m *dayMemo) day(date [4]byte) (int64, error) {
	if date == m.date && date[3] != 0 { // a new memo's date is zero
		return m.days, m.err
	}
	year, month, day := int64(date[0])|int64(date[1])<<8, int64(date[2]), int64(date[3])
	m.date, m.days, m.err = date, 0, errZeroDate
	switch {
	case year > 9999:
		m.err = errKind
	case year != 0 && month != 0 && month <= 12 && day != 0 && day <= daysIn(year, month):
		m.days, m.err = daysSinceEpoch(year, month, day), nil
	}
	return m.days, m.err
}

// appendTime appends the TIME at p[at:] as text with a fraction of so many digits: "-838:59:59.999999".
func appendTime(text, p []byte, at, digits int) (_ []byte, next int, err error) {
	if at >= len(p) {
		return nil, 0, errMalformed
	}
	size := int(p[at])
	v := p[at+1:]
	if size != 0 && size != 8 && size != 12 || size > len(v) {
		return nil, 0, errMalformed
	}
	var days, micros uint64
	var hour, minute, second byte
	if size > 0 {
		if v[0] != 0 {
			text = append(text, '-')
		}
		days, hour, minute, second = uint64(binary.LittleEndian.Uint32(v[1:])), v[5], v[6], v[7]
	}
	if size > 8 {
		micros = uint64(binary.LittleEndian.Uint32(v[8:]))
	}
	if hour > 23 || minute > 59 || second > 59 || micros > 999_999 {
		return nil, 0, errKind
	}
	hours := days*24 + uint64(hour)
	if hours < 10 {
		text = append(text, '0')
	}
	text = strconv.AppendUint(text, hours, 10)
	text = append(text, ':', '0'+minute/10, '0'+minute%10, ':', '0'+second/10, '0'+second%10)
	if digits > 0 {
		text = append(text, '.')
	}
	for unit := uint64(100_000); digits > 0 && unit > 0; digits, unit = digits-1, unit/10 {
		text = append(text, '0'+byte(micros/unit))
		micros %= unit
	}
	if micros != 0 {
		return nil, 0, errFraction
	}
	return text, at + 1 + size, nil
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
