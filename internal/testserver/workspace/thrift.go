package workspace

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/thrift/lib/go/thrift"
)

// message is a Thrift call or its answer, without knowing its types: the fields that are not looked for pass as they are.
type message struct {
	name   string
	kind   thrift.TMessageType
	number int32
	fields fields
}

type fields []field

type field struct {
	id    int16
	kind  thrift.TType
	value any // bool, int8, int16, int32, int64, float64, []byte (also of text), fields, sequence or mapping
}

type sequence struct {
	kind  thrift.TType
	items []any
}

type mapping struct {
	key, value thrift.TType
	pairs      [][2]any
}

var noContext = context.Background() //nolint:gochecknoglobals // the buffers below are in memory: nothing waits

func readMessage(data []byte) (message, error) {
	buffer := &thrift.TMemoryBuffer{Buffer: bytesBuffer(data)}
	p := thrift.NewTBinaryProtocolConf(buffer, nil)
	name, kind, number, err := p.ReadMessageBegin(noContext)
	if err != nil {
		return message{}, fmt.Errorf("not a Thrift message: %w", err)
	}
	all, err := readFields(p)
	if err != nil {
		return message{}, fmt.Errorf("not a Thrift message: %w", err)
	}
	return message{name, kind, number, all}, nil
}

func (m message) bytes() ([]byte, error) {
	buffer := thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buffer, nil)
	if err := p.WriteMessageBegin(noContext, m.name, m.kind, m.number); err != nil {
		return nil, err
	}
	if err := writeFields(p, m.fields); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// get returns a field's value, or nil.
func (f fields) get(id int16) any {
	for i := range f {
		if f[i].id == id {
			return f[i].value
		}
	}
	return nil
}

// inner returns the structure in a field, or none.
func (f fields) inner(id int16) fields {
	found, _ := f.get(id).(fields)
	return found
}

func (f fields) text(id int16) string {
	found, _ := f.get(id).([]byte)
	return string(found)
}

// with returns the fields with one set.
func (f fields) with(id int16, kind thrift.TType, value any) fields {
	f = f.without(id)
	return append(f, field{id, kind, value})
}

func (f fields) without(id int16) fields {
	return slices.DeleteFunc(slices.Clone(f), func(x field) bool { return x.id == id })
}
