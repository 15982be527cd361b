package mariadb

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
)

// execute sends a statement's parameters: int64, uint64, string, []byte or nil.
func (w *wire) execute(s *statement, args []driver.NamedValue) error {
	if len(args) != s.parameters {
		return fmt.Errorf("%d parameters for a query that takes %d", len(args), s.parameters)
	}
	p := binary.LittleEndian.AppendUint32(nil, s.id)
	p = append(p, 0, 1, 0, 0, 0) // no cursor, once
	if len(args) == 0 {
		return w.command(commandExecute, p)
	}
	nulls := make([]byte, (len(args)+7)/8)
	types := make([]byte, 0, 2*len(args))
	var values []byte
	for i, arg := range args {
		switch v := arg.Value.(type) {
		case nil:
			nulls[i/8] |= 1 << (i % 8)
			types = append(types, typeNull, 0)
		case int64:
			types = append(types, typeLongLong, 0)
			values = binary.LittleEndian.AppendUint64(values, uint64(v))
		case uint64:
			types = append(types, typeLongLong, 0x80)
			values = binary.LittleEndian.AppendUint64(values, v)
		case string:
			types = append(types, typeString, 0)
			values = append(appendLength(values, uint64(len(v))), v...)
		case []byte:
			types = append(types, typeString, 0)
			values = append(appendLength(values, uint64(len(v))), v...)
		default:
			return fmt.Errorf("parameter %d is a %T, which is none of int64, uint64, string and []byte", i+1, v)
		}
	}
	p = append(append(p, nulls...), 1) // types follow
	return w.command(commandExecute, append(append(p, types...), values...))
}

// appendLength appends a length-encoded integer.
func appendLength(p []byte, n uint64) []byte {
	switch {
	case n < 0xfb:
		return append(p, byte(n))
	case n < 1<<16:
		return append(p, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(p, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(p, 0xfe), n)
}
