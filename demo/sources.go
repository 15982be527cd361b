package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	gms "github.com/dolthub/go-mysql-server/sql"
	"github.com/go-sql-driver/mysql"
	"github.com/sirupsen/logrus"
)

// database is a MySQL-compatible server in this process, with one schema in memory. It listens on
// the loopback interface only, and has one account.
type database struct {
	Host string
	Port int
	db   *sql.DB // the shop's own connections: what writes the rows that Tributary reads

	server *server.Server
	served sync.WaitGroup
}

const sourceUser = "tributary"

// startDatabase serves an empty schema on a free port.
func startDatabase(schema, password string) (*database, error) {
	logrus.SetOutput(io.Discard) // the server's log is of no interest to the tour; errors reach its clients
	memoryDB := memory.NewDatabase(schema)
	memoryDB.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(memoryDB)
	engine := sqle.NewDefault(provider)
	addAccount(engine, password)

	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing is resolved or waited for
	if err != nil {
		return nil, fmt.Errorf("listen for the database of %s: %w", schema, err)
	}
	config := server.Config{Protocol: "tcp", Listener: listener, Address: listener.Addr().String()}
	s, err := server.NewServer(config, engine, gms.NewContext, memory.NewSessionBuilder(provider), nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the database of %s: %w", schema, err), listener.Close())
	}
	address := listener.Addr().(*net.TCPAddr)
	d := &database{Host: address.IP.String(), Port: address.Port, server: s}
	d.served.Go(func() { _ = s.Start() }) // ends when Close closes the listener
	d.db, err = connect(d, schema, password)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func addAccount(engine *sqle.Engine, password string) {
	accounts := engine.Analyzer.Catalog.MySQLDb
	accounts.SetEnabled(true)
	editor := accounts.Editor()
	defer editor.Close()
	accounts.AddSuperUser(editor, sourceUser, "%", password)
}

func connect(d *database, schema, password string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = sourceUser, password, schema
	config.Net, config.Addr = "tcp", net.JoinHostPort(d.Host, fmt.Sprint(d.Port))
	config.Params = map[string]string{"time_zone": "'+00:00'"}
	config.InterpolateParams = true
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (d *database) exec(ctx context.Context, statement string) error {
	if _, err := d.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%w\nin: %.200s", err, statement)
	}
	return nil
}

// Close stops the server; its rows are gone.
func (d *database) Close() error {
	var err error
	if d.db != nil {
		err = d.db.Close()
	}
	err = errors.Join(err, d.server.Close())
	d.served.Wait()
	return err
}
