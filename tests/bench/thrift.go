package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
)

// structure is a Thrift structure to write: text, bytes, int32, bool or a structure by field id.
type structure []field

type field struct {
	id    int16
	value any
}

// encode writes a call of a method with one argument.
func encode(ctx context.Context, method string, argument structure) ([]byte, error) {
	buffer := thrift.NewTMemoryBuffer()
	p := thrift.NewTBinaryProtocolConf(buffer, nil)
	err := errors.Join(p.WriteMessageBegin(ctx, method, thrift.CALL, 1), write(ctx, p, structure{{1, argument}}), p.WriteMessageEnd(ctx))
	return buffer.Bytes(), err
}

func write(ctx context.Context, p thrift.TProtocol, fields structure) (err error) {
	for _, f := range fields {
		switch value := f.value.(type) {
		case structure:
			err = errors.Join(err, p.WriteFieldBegin(ctx, "", thrift.STRUCT, f.id), write(ctx, p, value))
		case string:
			err = errors.Join(err, p.WriteFieldBegin(ctx, "", thrift.STRING, f.id), p.WriteString(ctx, value))
		case []byte:
			err = errors.Join(err, p.WriteFieldBegin(ctx, "", thrift.STRING, f.id), p.WriteBinary(ctx, value))
		case int32:
			err = errors.Join(err, p.WriteFieldBegin(ctx, "", thrift.I32, f.id), p.WriteI32(ctx, value))
		case bool:
			err = errors.Join(err, p.WriteFieldBegin(ctx, "", thrift.BOOL, f.id), p.WriteBool(ctx, value))
		default:
			return fmt.Errorf("thrift: field %d is a %T", f.id, value)
		}
	}
	return errors.Join(err, p.WriteFieldStop(ctx))
}

// found is what a message has in a field: nothing, a number or bytes.
type found struct {
	number int32
	bytes  []byte
}

// find returns the method of a message and its field at the end of a path of field ids.
func find(ctx context.Context, message []byte, path ...int16) (method string, f found, err error) {
	buffer := thrift.NewTMemoryBuffer()
	buffer.Write(message)
	p := thrift.NewTBinaryProtocolConf(buffer, nil)
	method, _, _, err = p.ReadMessageBegin(ctx)
	if err != nil {
		return "", f, fmt.Errorf("not a Thrift message: %w", err)
	}
	if f, err = findField(ctx, p, path); err != nil {
		return "", f, fmt.Errorf("not a Thrift message: %w", err)
	}
	return method, f, nil
}

func findField(ctx context.Context, p thrift.TProtocol, path []int16) (f found, err error) {
	for {
		_, kind, id, err := p.ReadFieldBegin(ctx)
		if err != nil || kind == thrift.STOP {
			return found{}, err
		}
		switch {
		case id == path[0] && kind == thrift.STRUCT && len(path) > 1:
			return findField(ctx, p, path[1:])
		case id == path[0] && kind == thrift.STRING && len(path) == 1:
			f.bytes, err = p.ReadBinary(ctx)
			return f, err
		case id == path[0] && kind == thrift.I32 && len(path) == 1:
			f.number, err = p.ReadI32(ctx)
			return f, err
		}
		if err := p.Skip(ctx, kind); err != nil {
			return found{}, err
		}
	}
}
