package mariadb

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// serverName is SQL for what tells servers behind one address apart, be it a proxy's or a name with several addresses. A server that is
// behind another lacks rows that the other has.
const serverName = "CONCAT_WS(':', @@hostname, @@port, @@global.server_id, @@datadir, @@version)"

// serverTries bounds how often another server than the one that is meant may answer.
const serverTries = 10

// serverPause is waited once before the second connection, twice before the third, and so on: others close theirs meanwhile, or a proxy
// has the server back.
const serverPause = 100 * time.Millisecond

// errOtherServer says that what belongs together came from several servers. A retry may find one.
var errOtherServer = errors.New("the client's address leads to several servers")

func otherServer(meant, answered string) error {
	return fmt.Errorf("%w: %q is being read, and %q answered, which may lack what the first has; "+
		"give the client the address of one server, or have the proxy keep to one", errOtherServer, meant, answered)
}

// hello asks for the connection's id, the server's name and its clock. It begins a transaction, without a snapshot yet, as a proxy may send
// statements outside of one elsewhere; what is asked before the next one begins is asked in it.
func (c *session) hello(ctx context.Context) error {
	if _, err := c.conn.ExecContext(ctx, "START TRANSACTION READ ONLY"); err != nil {
		return err
	}
	c.begun = true
	var clock string
	ask := func(name string) error {
		return c.conn.QueryRowContext(ctx, "SELECT CONNECTION_ID(), "+name+", CAST(UTC_TIMESTAMP(6) AS CHAR)").Scan(&c.id, &c.server, &clock)
	}
	err := ask(serverName)
	if mayNotLook(err) { // another server than MariaDB, that does not say which one it is
		err = ask("''")
	}
	if err != nil {
		return err
	}
	c.clock, err = time.Parse(time.DateTime, clock) // takes a fraction of any length
	return err
}

// named is SQL for the name of the server that answers a statement; see onServer.
func (c *session) named() string {
	if c.server == "" {
		return "''"
	}
	return serverName
}

// onServer asks until the session's own server has answered, so many times at most: a proxy may spread a connection's transactions over
// several, and some its statements. Where it keeps to one within a transaction, and one is open, to ask again brings the same answer.
func (c *session) onServer(tries int, ask func() (answered string, err error)) error {
	var answered string
	for range tries {
		var err error
		if answered, err = ask(); err != nil || answered == c.server {
			return err
		}
	}
	return otherServer(c.server, answered)
}

// openOn opens a session on that server; "" is any.
func (s *Source) openOn(ctx context.Context, server string) (*session, error) {
	var answered string
	for try := range serverTries {
		if err := pause(ctx, time.Duration(try)*serverPause); err != nil {
			return nil, err
		}
		c, err := s.open(ctx)
		if err != nil || server == "" || c.server == server {
			return c, err
		}
		answered = c.server
		c.end(true) // closed, so that the next one is a new one, and perhaps another server's
	}
	return nil, otherServer(server, answered)
}

// killSQL ends the query of a session, on its own server only: elsewhere its id is somebody else's.
func killSQL(id uint64, server string) string {
	kill := fmt.Sprintf("KILL QUERY %d", id)
	if server == "" {
		return kill
	}
	return "BEGIN NOT ATOMIC IF HEX(" + serverName + ") = '" + strings.ToUpper(hex.EncodeToString([]byte(server))) + "' THEN " + kill + "; END IF; END"
}
