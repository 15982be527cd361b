package mariadb

import (
	"database/sql/driver"
	"fmt"
	"net"
	"reflect"
)

// Capabilities that the driver negotiated, as in https://mariadb.com/kb/en/connection/#capabilities.
const (
	capCompress      = 1 << 5
	capDeprecateEOF  = 1 << 24
	capCacheMetadata = 1 << 4 // MariaDB's extended ones
)

// borrow takes the connection of an idle driver's conn, TLS included, until release. The driver exports neither
// it nor what it negotiated, so that they are read by name: decision 0014. A driver that has them no longer
// is an error here and fails TestTheDriverLendsItsConnection.
func borrow(conn any) (*wire, error) {
	if idle, ok := conn.(driver.Validator); !ok || !idle.IsValid() {
		return nil, fmt.Errorf("borrow the connection: %w", driver.ErrBadConn)
	}
	var netConn, capabilities, extended reflect.Value
	if v := reflect.ValueOf(conn); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
		netConn = v.Elem().FieldByName("netConn")
		capabilities, extended = v.Elem().FieldByName("capabilities"), v.Elem().FieldByName("extCapabilities")
	}
	switch {
	case !netConn.IsValid() || netConn.Type() != reflect.TypeFor[net.Conn]() || netConn.IsNil(),
		!capabilities.IsValid() || !capabilities.CanUint(), !extended.IsValid() || !extended.CanUint():
		return nil, fmt.Errorf("%w: this version of go-sql-driver/mysql keeps its connection in another way", ErrUnsupported)
	case capabilities.Uint()&capCompress != 0:
		return nil, fmt.Errorf("%w: a compressed connection", ErrUnsupported)
	}
	w := &wire{
		conn:           *(*net.Conn)(netConn.Addr().UnsafePointer()),
		endsInEOF:      capabilities.Uint()&capDeprecateEOF == 0,
		cachesMetadata: extended.Uint()&capCacheMetadata != 0,
		buffer:         readBuffers.Get().(*[]byte),
	}
	return w, nil
}
