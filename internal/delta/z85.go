package delta

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// z85 is the alphabet of Z85 (rfc.zeromq.org/spec/32), in which the log has binary values: four bytes are five characters.
const z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

func z85Length(bytes int) int { return (bytes + 3) / 4 * 5 }

// encodeZ85 pads with zeros what is no multiple of four bytes.
func encodeZ85(data []byte) string {
	padded := append(append([]byte{}, data...), 0, 0, 0)[:(len(data)+3)/4*4]
	text := make([]byte, 0, z85Length(len(data)))
	for ; len(padded) > 0; padded = padded[4:] {
		n := binary.BigEndian.Uint32(padded)
		for _, power := range []uint32{85 * 85 * 85 * 85, 85 * 85 * 85, 85 * 85, 85, 1} {
			text = append(text, z85[n/power%85])
		}
	}
	return string(text)
}

// decodeZ85 leaves the padding.
func decodeZ85(text string) ([]byte, error) {
	if len(text)%5 != 0 {
		return nil, fmt.Errorf("%w: %d characters are not Z85", ErrCorrupt, len(text))
	}
	data := make([]byte, 0, len(text)/5*4)
	for ; text != ""; text = text[5:] {
		var n uint64
		for i := range 5 {
			digit := strings.IndexByte(z85, text[i])
			if digit < 0 {
				return nil, fmt.Errorf("%w: character %q is not Z85", ErrCorrupt, text[i])
			}
			n = n*85 + uint64(digit)
		}
		if n > 1<<32-1 {
			return nil, fmt.Errorf("%w: a block is not Z85", ErrCorrupt)
		}
		data = binary.BigEndian.AppendUint32(data, uint32(n))
	}
	return data, nil
}
