package mariadb

import (
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/agnivade/levenshtein"
	"github.com/go-sql-driver/mysql"

	"tributary/internal/table"
)

// Errors that a repeat cannot mend. They are wrapped with the client, the table, the column where
// there is one, and what to do. Every other error of this package is worth a retry.
var (
	ErrDenied      = errors.New("access denied by the source")
	ErrTLS         = errors.New("no secure connection to the source")
	ErrMissing     = errors.New("missing at the source")
	ErrUnsupported = errors.New("not supported")
	ErrQuery       = errors.New("the source refuses the query")
	ErrValue       = errors.New("value does not fit")
)

// Server error numbers, as in https://mariadb.com/kb/en/mariadb-error-codes/.
var (
	deniedCodes  = []uint16{1044, 1045, 1130, 1142, 1143, 1227, 1370, 1698, 1820, 1862, 4151}
	missingCodes = []uint16{1049, 1051, 1054, 1146, 1356, 1449} // the last two: views of what is gone
	queryCodes   = []uint16{
		1052, 1054, 1056, 1064, 1066, 1111, 1115, 1128, 1149, 1221, 1222, 1235, 1241, 1242, 1253, 1267, 1270,
		1271, 1273, 1305, 1318, 1327, 1370, 1411, 1582, 1583, 1584, 1630, 1690, 1792, 4078, 4079,
	}
	fullCodes    = []uint16{1040, 1203, 1226}       // connections: in all, of the user, or of the user's account
	endedCodes   = []uint16{1053, 1077, 1317, 1927} // a server that shuts down, and KILL
	alteredCodes = []uint16{1176, 1412}             // an index is gone, and a table is another one than in the snapshot
)

const (
	codeLockWait   = 1205
	codeSecureOnly = 3159 // MySQL's require_secure_transport; MariaDB says 1045
)

// code is the server's error number, or 0 for an error that is not the server's.
func code(err error) uint16 {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return server.Number
	}
	return 0
}

// classify gives a server's error its sentinel and says what to do about it.
func classify(err error) error {
	switch n := code(err); {
	case err == nil:
		return nil
	case slices.Contains(deniedCodes, n):
		return fmt.Errorf("%w: %w; check the user, its password, its SELECT grant, and the client's tls where the user needs it", ErrDenied, err)
	case tlsAdvice(err) != "":
		return fmt.Errorf("%w: %w; %s", ErrTLS, err, tlsAdvice(err))
	case slices.Contains(missingCodes, n):
		return fmt.Errorf("%w: %w; check the client's database and the table", ErrMissing, err)
	case slices.Contains(queryCodes, n):
		return fmt.Errorf("%w: %w; check the table's where", ErrQuery, err)
	case slices.Contains(fullCodes, n):
		return fmt.Errorf("the source has no connection free: %w; lower limits.connections of the clients on this server, or have the server allow more", err)
	case slices.Contains(endedCodes, n):
		return fmt.Errorf("the source ended the query: %w; it is read again, unless somebody ends it each time", err)
	case n == codeLockWait:
		return fmt.Errorf("somebody keeps the table locked: %w; see SHOW PROCESSLIST at the source, an ALTER TABLE or LOCK TABLES", err)
	case slices.Contains(alteredCodes, n):
		return fmt.Errorf("%w: %w", ErrAltered, err)
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("the connection to the source was lost: %w; see whether the server runs, and its log", err)
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return fmt.Errorf("the source cannot be reached: %w; see whether its server runs, and the client's host and port", err)
	}
	return err
}

// tlsAdvice says what to do about a connection that cannot be as secure as the client's tls, or the server, asks; "" where that is not
// the error.
func tlsAdvice(err error) string {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	switch {
	case errors.Is(err, mysql.ErrNoTLS):
		return "set TLS up at the server, or the client's tls to off"
	case code(err) == codeSecureOnly:
		return "set the client's tls to verify or required"
	case unknown:
		return "set the client's ca to the certificate of the authority that signed the server's"
	case host:
		return "set the client's host to a name that the server's certificate is for"
	case invalid:
		return "see that the server's certificate and the client's ca are in force"
	}
	return ""
}

// clientError names the client that an error is about.
func clientError(client table.Client, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("client %q: %w", client.ID, err)
}

// tableError names the client and the table that an error is about.
func tableError(client table.Client, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("client %q, table %q: %w", client.ID, name, err)
}

// nearest suggests the candidate that name was probably meant to be, or nothing.
func nearest(name string, candidates []string) string {
	best, distance := "", len(name)/2+1
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(fold(name), fold(c)); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
