package sparksql

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/thrift/lib/go/thrift"
)

var thriftConfig = &thrift.TConfiguration{MaxMessageSize: 1 << 30, MaxFrameSize: 1 << 30}

func protocolOf(body []byte) (thrift.TProtocol, *thrift.TMemoryBuffer) {
	buffer := thrift.NewTMemoryBuffer()
	buffer.Write(body)
	return thrift.NewTBinaryProtocolConf(buffer, thriftConfig), buffer
}

// methodOf returns the method that a Thrift message calls; "" when it is none.
func methodOf(body []byte) string {
	from, _ := protocolOf(body)
	name, _, _, err := from.ReadMessageBegin(context.Background())
	if err != nil {
		return ""
	}
	return name
}

// rewrite copies a Thrift message through an editor.
func rewrite(body []byte, edit editor) ([]byte, error) {
	ctx := context.Background()
	from, _ := protocolOf(body)
	to, out := protocolOf(nil)
	name, kind, sequence, err := from.ReadMessageBegin(ctx)
	if err != nil {
		return nil, err
	}
	if err := to.WriteMessageBegin(ctx, name, kind, sequence); err != nil {
		return nil, err
	}
	c := copier{from, to, edit}
	if err := c.fields(ctx, nil); err != nil {
		return nil, err
	}
	return out.Bytes(), to.Flush(ctx)
}

// copier copies Thrift values from one protocol to another without knowing their definition.
type copier struct {
	from, to thrift.TProtocol
	edit     editor
}

func (c copier) fields(ctx context.Context, path []int16) error {
	for {
		_, kind, id, err := c.from.ReadFieldBegin(ctx)
		if err != nil {
			return err
		}
		if kind == thrift.STOP {
			return c.to.WriteFieldStop(ctx)
		}
		inner := slices.Concat(path, []int16{id})
		read, err := c.edit(ctx, inner, kind, c.from, c.to)
		if err == nil && !read {
			err = writeField(ctx, c.to, kind, id, func() error { return c.value(ctx, kind, inner) })
		}
		if err != nil {
			return err
		}
	}
}

func (c copier) value(ctx context.Context, kind thrift.TType, path []int16) error {
	switch kind {
	case thrift.BOOL:
		return pass(ctx, c.from.ReadBool, c.to.WriteBool)
	case thrift.BYTE:
		return pass(ctx, c.from.ReadByte, c.to.WriteByte)
	case thrift.I16:
		return pass(ctx, c.from.ReadI16, c.to.WriteI16)
	case thrift.I32:
		return pass(ctx, c.from.ReadI32, c.to.WriteI32)
	case thrift.I64:
		return pass(ctx, c.from.ReadI64, c.to.WriteI64)
	case thrift.DOUBLE:
		return pass(ctx, c.from.ReadDouble, c.to.WriteDouble)
	case thrift.STRING:
		return pass(ctx, c.from.ReadBinary, c.to.WriteBinary)
	case thrift.STRUCT:
		return c.fields(ctx, path)
	case thrift.MAP:
		return c.mapping(ctx, path)
	case thrift.LIST:
		element, n, err := c.from.ReadListBegin(ctx)
		if err == nil {
			err = c.to.WriteListBegin(ctx, element, n)
		}
		return c.repeat(ctx, err, n, path, element)
	case thrift.SET:
		element, n, err := c.from.ReadSetBegin(ctx)
		if err == nil {
			err = c.to.WriteSetBegin(ctx, element, n)
		}
		return c.repeat(ctx, err, n, path, element)
	}
	return fmt.Errorf("a Thrift value of unknown type %d", kind)
}

func (c copier) mapping(ctx context.Context, path []int16) error {
	key, value, n, err := c.from.ReadMapBegin(ctx)
	if err == nil {
		err = c.to.WriteMapBegin(ctx, key, value, n)
	}
	return c.repeat(ctx, err, n, path, key, value)
}

// repeat copies n times one value of each kind.
func (c copier) repeat(ctx context.Context, err error, n int, path []int16, kinds ...thrift.TType) error {
	for i := 0; i < n && err == nil; i++ {
		for _, kind := range kinds {
			if err == nil {
				err = c.value(ctx, kind, path)
			}
		}
	}
	return err
}

func pass[T any](ctx context.Context, read func(context.Context) (T, error), write func(context.Context, T) error) error {
	value, err := read(ctx)
	if err != nil {
		return err
	}
	return write(ctx, value)
}
