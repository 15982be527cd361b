package workspace

import (
	"bytes"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
)

func bytesBuffer(data []byte) *bytes.Buffer { return bytes.NewBuffer(data) }

func readFields(p thrift.TProtocol) (fields, error) {
	var all fields
	for {
		_, kind, id, err := p.ReadFieldBegin(noContext)
		if err != nil || kind == thrift.STOP {
			return all, err
		}
		value, err := readValue(p, kind)
		if err != nil {
			return nil, err
		}
		all = append(all, field{id, kind, value})
	}
}

func readValue(p thrift.TProtocol, kind thrift.TType) (any, error) {
	switch kind {
	case thrift.BOOL:
		return p.ReadBool(noContext)
	case thrift.BYTE:
		return p.ReadByte(noContext)
	case thrift.I16:
		return p.ReadI16(noContext)
	case thrift.I32:
		return p.ReadI32(noContext)
	case thrift.I64:
		return p.ReadI64(noContext)
	case thrift.DOUBLE:
		return p.ReadDouble(noContext)
	case thrift.STRING:
		return p.ReadBinary(noContext)
	case thrift.STRUCT:
		return readFields(p)
	case thrift.LIST, thrift.SET: // alike on the wire
		item, size, err := p.ReadListBegin(noContext)
		if err != nil {
			return nil, err
		}
		items, err := readItems(p, item, size)
		return sequence{item, items}, err
	case thrift.MAP:
		return readMapping(p)
	}
	return nil, fmt.Errorf("unknown Thrift type %v", kind)
}

func readItems(p thrift.TProtocol, kind thrift.TType, size int) ([]any, error) {
	var items []any
	for range size {
		item, err := readValue(p, kind)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func readMapping(p thrift.TProtocol) (mapping, error) {
	key, value, size, err := p.ReadMapBegin(noContext)
	m := mapping{key: key, value: value}
	for i := 0; err == nil && i < size; i++ {
		var pair [2]any
		if pair[0], err = readValue(p, key); err == nil {
			pair[1], err = readValue(p, value)
		}
		m.pairs = append(m.pairs, pair)
	}
	return m, err
}

func writeFields(p thrift.TProtocol, all fields) error {
	for _, f := range all {
		if err := p.WriteFieldBegin(noContext, "", f.kind, f.id); err != nil {
			return err
		}
		if err := writeValue(p, f.kind, f.value); err != nil {
			return err
		}
	}
	return p.WriteFieldStop(noContext)
}

func writeValue(p thrift.TProtocol, kind thrift.TType, value any) error {
	switch v := value.(type) {
	case bool:
		return p.WriteBool(noContext, v)
	case int8:
		return p.WriteByte(noContext, v)
	case int16:
		return p.WriteI16(noContext, v)
	case int32:
		return p.WriteI32(noContext, v)
	case int64:
		return p.WriteI64(noContext, v)
	case float64:
		return p.WriteDouble(noContext, v)
	case []byte:
		return p.WriteBinary(noContext, v)
	case fields:
		return writeFields(p, v)
	case sequence:
		if err := p.WriteListBegin(noContext, v.kind, len(v.items)); err != nil {
			return err
		}
		for _, item := range v.items {
			if err := writeValue(p, v.kind, item); err != nil {
				return err
			}
		}
		return nil
	case mapping:
		return writeMapping(p, v)
	}
	return fmt.Errorf("unknown Thrift type %v", kind)
}

func writeMapping(p thrift.TProtocol, m mapping) error {
	if err := p.WriteMapBegin(noContext, m.key, m.value, len(m.pairs)); err != nil {
		return err
	}
	for _, pair := range m.pairs {
		if err := writeValue(p, m.key, pair[0]); err != nil {
			return err
		}
		if err := writeValue(p, m.value, pair[1]); err != nil {
			return err
		}
	}
	return nil
}
