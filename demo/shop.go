package main

import (
	"context"
	"fmt"
	"strings"
)

// shop is a client with a database server of its own.
type shop struct {
	Client, Region string
	// Columns are the shop's own names of columns: own → common, as in the registry.
	Columns map[string]string
	Server  *database

	seed      uint64
	customers int
	negative  []int  // orders that somebody typed wrong
	foreign   int    // an order that names another tenant; 0 for none
	owner     string // the shop's own column that says whose row it is; "" for none
}

// newShops returns the six shops of the tour. Each one's rows follow from its seed.
func newShops() []*shop {
	german := map[string]string{
		"kunde_id": "customer_id", "betrag": "amount", "menge": "quantity", "geaendert_am": "updated_at", "geloescht_am": "deleted_at",
	}
	return []*shop{
		{Client: "acme", Region: "eu", seed: 1, customers: 300},
		{Client: "bolt", Region: "eu", seed: 2, customers: 180, Columns: german},
		{Client: "cobalt", Region: "us", seed: 3, customers: 420, negative: []int{17, 18}},
		{Client: "dune", Region: "us", seed: 4, customers: 240, foreign: 23, owner: "tenant", Columns: map[string]string{"tenant": "client_id"}},
		{Client: "ember", Region: "ap", seed: 5, customers: 360},
		{Client: "fjord", Region: "ap", seed: 6, customers: 120},
	}
}

const changed = "`updated_at` datetime(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), " +
	"`deleted_at` datetime(6) DEFAULT NULL, KEY (`updated_at`)"

// schema makes the tables, under common column names. Times are datetime(6): go-mysql-server v0.20.0 tells
// no precision for timestamp columns, and clients then cut off the fraction in prepared statements.
var schema = []string{
	"CREATE TABLE customers (`id` int unsigned NOT NULL PRIMARY KEY, `name` varchar(100) NOT NULL, `email` varchar(200), " +
		"`country` char(2) NOT NULL, `preferences` json, `note` text, `created_at` datetime NOT NULL, " + changed + ")",
	"CREATE TABLE orders (`id` bigint unsigned NOT NULL PRIMARY KEY, `customer_id` int unsigned NOT NULL, " +
		"`status` enum('draft','new','paid','shipped','cancelled') NOT NULL, " +
		"`amount` decimal(12,2) NOT NULL COMMENT 'what the customer pays, tax included', `is_gift` tinyint(1) NOT NULL, " +
		"`card_number` char(16), `ordered_on` date NOT NULL, " + changed + ")",
	"CREATE TABLE order_lines (`order_id` bigint unsigned NOT NULL, `line` smallint unsigned NOT NULL, `sku` char(8) NOT NULL, " +
		"`quantity` int NOT NULL, `unit_price` decimal(10,4) NOT NULL, " + changed + ", PRIMARY KEY (`order_id`, `line`))",
	"CREATE TABLE products (`sku` char(8) NOT NULL PRIMARY KEY, `name` varchar(80) NOT NULL, `price` decimal(10,4) NOT NULL, " +
		"`weight_kg` double, `discontinued_on` date)",
}

// open starts the shop's server. All shops open before one is filled: go-mysql-server v0.20.0 sets its status variables,
// which all servers of a process share, whenever one starts.
func (s *shop) open(password string) (err error) {
	s.Server, err = startDatabase(s.Client, password)
	return err
}

// fill makes the tables and their rows.
func (s *shop) fill(ctx context.Context) error {
	if err := s.exec(ctx, schema...); err != nil {
		return err
	}
	if s.owner != "" {
		if err := s.exec(ctx, "ALTER TABLE orders ADD COLUMN "+s.owner+" varchar(20) NOT NULL DEFAULT '"+s.Client+"'"); err != nil {
			return err
		}
	}
	if err := s.stock(ctx); err != nil {
		return err
	}
	return s.mistakes(ctx)
}

// own writes a statement with the shop's own column names instead of the common ones, which stand in backticks.
func (s *shop) own(statement string) string {
	for own, common := range s.Columns {
		statement = strings.ReplaceAll(statement, "`"+common+"`", "`"+own+"`")
	}
	return statement
}

// exec runs statements that are written with common column names.
func (s *shop) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if err := s.Server.exec(ctx, s.own(statement)); err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

func (s *shop) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("shop %s: %w", s.Client, err)
	}
	return nil
}

// mistakes are the rows that must not reach the lake.
func (s *shop) mistakes(ctx context.Context) error {
	for _, id := range s.negative {
		if err := s.exec(ctx, fmt.Sprintf("UPDATE orders SET `amount` = -`amount`, `updated_at` = `updated_at` WHERE id = %d", id)); err != nil {
			return err
		}
	}
	if s.foreign == 0 {
		return nil
	}
	return s.exec(ctx, fmt.Sprintf("UPDATE orders SET %s = 'cobalt', `updated_at` = `updated_at` WHERE id = %d", s.owner, s.foreign))
}

// trade is a day at the shop: rows are changed, added, marked deleted, and deleted outright.
func (s *shop) trade(ctx context.Context) error {
	orders := s.customers * ordersEach
	statements := []string{
		"UPDATE customers SET `note` = 'moved; new address confirmed', `country` = 'NZ' WHERE id % 41 = 7",
		"UPDATE customers SET `deleted_at` = UTC_TIMESTAMP(6) WHERE id % 97 = 11",
		"UPDATE orders SET `status` = 'shipped' WHERE `status` = 'paid' AND id % 19 = 3",
		"UPDATE orders SET `deleted_at` = UTC_TIMESTAMP(6) WHERE id % 211 = 5",
		"UPDATE order_lines SET `deleted_at` = UTC_TIMESTAMP(6) WHERE order_id % 211 = 5",
		"UPDATE order_lines SET `quantity` = `quantity` + 1 WHERE order_id % 173 = 9 AND line = 1",
		"UPDATE products SET `price` = `price` * 1.05 WHERE sku LIKE '%3'",
		"DELETE FROM products WHERE sku LIKE '%7'",
		fmt.Sprintf("INSERT INTO products VALUES ('NEW-%04d', 'Spätzle press “Größe %d”', 24.9000, 0.85, NULL)", s.seed, s.seed),
	}
	if len(s.negative) > 0 { // one of the mistakes is corrected, the others stay in quarantine
		statements = append(statements, fmt.Sprintf("UPDATE orders SET `amount` = -`amount` WHERE id = %d", s.negative[0]))
	}
	if err := s.exec(ctx, statements...); err != nil {
		return err
	}
	more := newGoods(s, s.seed+100)
	if err := more.customers(ctx, s.customers+1, s.customers+s.customers/40); err != nil {
		return err
	}
	return more.orders(ctx, orders+1, orders+orders/50)
}

// rows counts the rows of every table at the shop, those that are marked deleted included.
func (s *shop) rows(ctx context.Context) (total int, err error) {
	for _, name := range tableNames {
		var n int
		if err := s.Server.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name).Scan(&n); err != nil {
			return 0, s.wrap(err)
		}
		total += n
	}
	return total, nil
}

var tableNames = []string{"customers", "orders", "order_lines", "products"}
