package table

import (
	"fmt"
	"slices"
	"strings"
)

// Type is a column's type in Delta's words: byte, short, integer, long, float, double,
// decimal(p,s), boolean, string, binary, date or timestamp (µs, UTC).
type Type string

// The types of DESIGN's table; decimals come from Decimal.
const (
	Byte      Type = "byte"
	Short     Type = "short"
	Integer   Type = "integer"
	Long      Type = "long"
	Float     Type = "float"
	Double    Type = "double"
	Boolean   Type = "boolean"
	String    Type = "string"
	Binary    Type = "binary"
	Date      Type = "date"
	Timestamp Type = "timestamp"
)

// MaxPrecision is the most digits that a decimal has.
const MaxPrecision = 38

// Decimal is the type of exact numbers with precision p (1 to 38) and scale s (0 to p).
func Decimal(p, s int) Type { return Type(fmt.Sprintf("decimal(%d,%d)", p, s)) }

// DecimalOf returns the precision and scale of a decimal type, and false for any other type.
func (t Type) DecimalOf() (p, s int, ok bool) {
	if !strings.HasPrefix(string(t), "decimal(") {
		return 0, 0, false
	}
	_, err := fmt.Sscanf(string(t), "decimal(%d,%d)", &p, &s)
	return p, s, err == nil
}

// Types are the types but decimals.
var Types = []Type{Boolean, Byte, Short, Integer, Long, Float, Double, String, Binary, Date, Timestamp}

// Known says whether it is one of Types, or a decimal that Delta can have, written as Decimal writes it.
func (t Type) Known() bool {
	if p, s, ok := t.DecimalOf(); ok {
		return t == Decimal(p, s) && p >= 1 && p <= MaxPrecision && s >= 0 && s <= p
	}
	return slices.Contains(Types, t)
}

// digits are the decimal digits that an integer type needs.
var digits = map[Type]int{Byte: 3, Short: 5, Integer: 10, Long: 19}

// Fits says whether every value of the type is exact in another.
func (t Type) Fits(other Type) bool {
	if t == other {
		return true
	}
	p, s, toDecimal := other.DecimalOf()
	fromP, fromS, fromDecimal := t.DecimalOf()
	n, fromInteger := digits[t]
	m, toInteger := digits[other]
	switch {
	case fromInteger && toInteger:
		return n <= m
	case fromInteger && toDecimal:
		return n <= p-s
	case fromDecimal && toDecimal:
		return fromS <= s && fromP-fromS <= p-s
	case other == Double:
		return t == Float || fromInteger && t != Long
	}
	return false
}

// Column is a column of a central table or of a staged batch.
type Column struct {
	Name     string `json:"name"`
	Type     Type   `json:"type"`
	Nullable bool   `json:"nullable,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

// Schema is the columns of a table, in order. Names are unique without regard to case.
type Schema []Column

// Find returns the index of the column with that name, without regard to case as in Delta, or -1.
func (s Schema) Find(name string) int {
	for i, c := range s {
		if strings.EqualFold(c.Name, name) {
			return i
		}
	}
	return -1
}

// Names returns the columns' names, in order.
func (s Schema) Names() []string {
	names := make([]string, len(s))
	for i, c := range s {
		names[i] = c.Name
	}
	return names
}
