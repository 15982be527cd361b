package mariadb

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestErrorsOfServersSayWhatToDo has for each code what it is, nil for what a retry may mend, and what the error says beside the server's own words.
func TestErrorsOfServersSayWhatToDo(t *testing.T) {
	permanent := []error{ErrDenied, ErrTLS, ErrMissing, ErrUnsupported, ErrQuery, ErrValue, ErrLimit, ErrHours}
	server := func(code uint16) error { return &mysql.MySQLError{Number: code, Message: "the server's own words"} }
	for _, c := range []struct {
		err  error
		is   error
		says string
	}{
		{server(1044), ErrDenied, "SELECT grant"}, {server(1045), ErrDenied, "password"}, {server(1142), ErrDenied, "SELECT grant"},
		{server(1049), ErrMissing, "client's database"}, {server(1054), ErrMissing, "client's database"},
		{server(1146), ErrMissing, "the table"}, {server(1356), ErrMissing, "the table"}, {server(1449), ErrMissing, "the table"},
		{server(1064), ErrQuery, "where"}, {server(1792), ErrQuery, "where"},
		{server(3159), ErrTLS, "set the client's tls"}, {fmt.Errorf("dial: %w", mysql.ErrNoTLS), ErrTLS, "set TLS up at the server"},
		{server(1040), nil, "limits.connections"}, {server(1203), nil, "limits.connections"}, {server(1226), nil, "limits.connections"},
		{server(1053), nil, "the source ended the query"}, {server(1317), nil, "the source ended the query"}, {server(1927), nil, "the source ended the query"},
		{server(1205), nil, "keeps the table locked"}, {server(1213), nil, ""}, {server(1615), nil, ""}, {server(1290), nil, ""},
		{server(1176), nil, "altered while it was read"}, {server(1412), nil, "altered while it was read"},
		{fmt.Errorf("ping: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), nil, "cannot be reached"}, {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, nil, ""},
		{mysql.ErrInvalidConn, nil, "connection to the source was lost"}, {driver.ErrBadConn, nil, "connection to the source was lost"},
	} {
		t.Run(c.err.Error()+fmt.Sprint(code(c.err)), func(t *testing.T) {
			got := classify(c.err)
			require.ErrorIs(t, got, c.err)
			assert.ErrorContains(t, got, c.says)
			for _, p := range permanent {
				assert.Equal(t, p == c.is, errors.Is(got, p), "%v", p) //nolint:errorlint // the very sentinel
			}
		})
	}
	require.NoError(t, classify(nil))
}

func TestOnlyWhoMayNotLookIsTakenToSeeNothing(t *testing.T) {
	for number, want := range map[uint16]bool{1227: true, 1142: true, 1146: true, 1064: true, 1105: true, 1317: false, 1969: false, 1041: false, 1205: false} {
		require.Equal(t, want, mayNotLook(fmt.Errorf("look: %w", &mysql.MySQLError{Number: number})), number)
	}
	require.False(t, mayNotLook(driver.ErrBadConn))
	require.False(t, mayNotLook(nil))
}
