package mariadb

import (
	"database/sql/driver"
	"errors"
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
	fields := reflect.ValueOf(conn).Elem()
	netConn := fields.FieldByName("netConn")
	capabilities, extended := fields.FieldByName("capabilities"), fields.FieldByName("extCapabilities")
	switch {
	case !netConn.IsValid() || netConn.Type() != reflect.TypeFor[net.Conn]() || netConn.IsNil(),
		!capabilities.IsValid() || !capabilities.CanUint(), !extended.IsValid() || !extended.CanUint():
		return nil, fmt.Errorf("%w: this version of go-sql-driver/mysql keeps its connection in another way", errors.ErrUnsupported)
	case capabilities.Uint()&capCompress != 0:
		return nil, fmt.Errorf("%w: a compressed connection", errors.ErrUnsupported)
	}
	w := &wire{
		conn:           *(*net.Conn)(netConn.Addr().UnsafePointer()),
		endsInEOF:      capabilities.Uint()&capDeprecateEOF == 0,
		cachesMetadata: extended.Uint()&capCacheMetadata != 0,
		buffer:         readBuffers.Get().(*[]byte),
	}
	return w, nil
}
