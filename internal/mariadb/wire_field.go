package mariadb

import (
	"encoding/binary"
	"fmt"
)

// Column types as in https://mariadb.com/kb/en/result-set-packets/#field-types.
const (
	typeTiny      = 0x01
	typeShort     = 0x02
	typeLong      = 0x03
	typeFloat     = 0x04
	typeDouble    = 0x05
	typeNull      = 0x06
	typeTimestamp = 0x07
	typeLongLong  = 0x08
	typeInt24     = 0x09
	typeDate      = 0x0a
	typeTime      = 0x0b
	typeDatetime  = 0x0c
	typeYear      = 0x0d
	typeNewDate   = 0x0e
	typeBit       = 0x10
	typeString    = 0xfe

	flagUnsigned = 1 << 5
)

// encoding is how a column's values are written in a row of the binary protocol.
type encoding string

const (
	asNull     encoding = "NULL"
	asInteger  encoding = "an integer"
	asFloat    encoding = "a float"
	asDouble   encoding = "a double"
	asBytes    encoding = "a string" // length-encoded: texts, blobs, decimals, enums, JSON, …
	asBits     encoding = "a bit field"
	asDate     encoding = "a date"
	asDatetime encoding = "a datetime"
	asInstant  encoding = "a timestamp" // written like a datetime
	asTime     encoding = "a time"
)

// field is a column of a result, as the server announces it.
type field struct {
	encoding encoding
	width    int // of integers, in bytes
	unsigned bool
}

// encodings are the column types that are not length-encoded strings.
var encodings = map[byte]field{
	typeTiny: {encoding: asInteger, width: 1}, typeShort: {encoding: asInteger, width: 2},
	typeYear: {encoding: asInteger, width: 2}, typeInt24: {encoding: asInteger, width: 4},
	typeLong: {encoding: asInteger, width: 4}, typeLongLong: {encoding: asInteger, width: 8},
	typeFloat: {encoding: asFloat}, typeDouble: {encoding: asDouble}, typeNull: {encoding: asNull},
	typeDate: {encoding: asDate}, typeNewDate: {encoding: asDate}, typeTime: {encoding: asTime},
	typeDatetime: {encoding: asDatetime}, typeTimestamp: {encoding: asInstant}, typeBit: {encoding: asBits},
}

// isString says which column types are: DECIMAL, VARCHAR, and from VECTOR on all but one that MySQL reserves.
func isString(kind byte) bool {
	return kind == 0x00 || kind == 0x0f || kind == 0xf2 || kind >= 0xf5
}

// definition reads a column definition packet.
func definition(p []byte) (field, error) {
	at := 0
	for range 6 { // catalog, schema, table, its real name, name, its real name
		if _, at = cellAt(p, at); at < 0 {
			return field{}, errMalformed
		}
	}
	n, at := lengthOf(p, at)
	if at < 0 || n < 10 || n > uint64(len(p)-at) {
		return field{}, errMalformed
	}
	kind := p[at+6] // behind the character set and the display length
	f, ok := encodings[kind]
	switch {
	case !ok && !isString(kind):
		return field{}, fmt.Errorf("%w: column type %d", errMalformed, kind)
	case !ok:
		f.encoding = asBytes
	}
	f.unsigned = binary.LittleEndian.Uint16(p[at+7:])&flagUnsigned != 0
	return f, nil
}
