package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// ordersEach is how many orders a shop has for each customer.
const ordersEach = 3

var (
	names = []string{
		"Zoë Müller", "Søren Åberg", "李 伟", "José Ñíguez", "Fatou Diop", "محمد علي", "Sinéad O'Brien", `Robert "Bob" Tables`,
		"大谷 翔", "Đặng Thị Hoa", "Ægir Þórsson", "Anaïs d'Hérouville", "Γιώργος Παππάς", "Velo 🚲 Club", "Ana-Lúcia Gonçalves", "Jo",
	}
	countries  = []string{"AT", "DE", "FR", "US", "CA", "JP", "AU", "BR"}
	notes      = []string{"  ", "call before delivery", "", "prefers “paper” invoices\nand no calls", "50% off, see C:\\offers"}
	languages  = []string{"de", "en", "ja", "pt-BR"}
	items      = []string{"Kettle", "Lamp", "Bicycle bell", "Café filter", "Notebook", "Umbrella", "Tea 茶", "Doormat"}
	statuses   = []string{"draft", "new", "paid", "paid", "shipped", "shipped", "shipped", "cancelled"}
	productMax = 40
)

// opened is when the shops began; all rows of the first load were changed long ago.
var opened = time.Date(2025, 1, 1, 8, 0, 0, 123456000, time.UTC)

// goods makes rows: the same ones for the same seed.
type goods struct {
	shop *shop
	rand *rand.Rand
	past bool // rows were last changed, and some deleted, months ago; otherwise now
}

func newGoods(s *shop, seed uint64) *goods {
	return &goods{shop: s, rand: rand.New(rand.NewPCG(seed, 2025))}
}

// stock fills the tables for the first time.
func (s *shop) stock(ctx context.Context) error {
	g := newGoods(s, s.seed)
	g.past = true
	if err := g.products(ctx); err != nil {
		return err
	}
	if err := g.customers(ctx, 1, s.customers); err != nil {
		return err
	}
	return g.orders(ctx, 1, s.customers*ordersEach)
}

// changedAt returns when a row was changed and when it was deleted, for rows of the past.
func (g *goods) changedAt(id, step, deletedEach int) []any {
	if !g.past {
		return nil // the server's clock decides
	}
	var deleted any
	if id%deletedEach == 6 {
		deleted = "2025-06-30 12:00:00.000001"
	}
	return []any{opened.Add(time.Duration(id*step) * time.Second).Format("2006-01-02 15:04:05.000000"), deleted}
}

// changing adds the columns of changedAt.
func (g *goods) changing(columns ...string) []string {
	if g.past {
		columns = append(columns, "updated_at", "deleted_at")
	}
	return columns
}

func pick[T any](g *goods, from []T) T { return from[g.rand.IntN(len(from))] }

// sometimes returns NULL in one of n cases.
func (g *goods) sometimes(n int, value any) any {
	if g.rand.IntN(n) == 0 {
		return nil
	}
	return value
}

// price is a price in hundredths.
func price(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }

func (g *goods) products(ctx context.Context) error {
	in := g.into("products", "sku", "name", "price", "weight_kg", "discontinued_on")
	for i := range productMax {
		in.add(sku(i), fmt.Sprintf("%s no. %d", pick(g, items), i), price(199+g.rand.IntN(20000)),
			g.sometimes(4, float64(g.rand.IntN(5000))/1000), g.sometimes(2, "2025-12-31"))
	}
	return in.flush(ctx)
}

func sku(i int) string { return fmt.Sprintf("SKU%05d", i) }

func (g *goods) customers(ctx context.Context, from, to int) error {
	in := g.into("customers", g.changing("id", "name", "email", "country", "preferences", "note", "created_at")...)
	for id := from; id <= to; id++ {
		preferences := fmt.Sprintf(`{"language": %q, "newsletter": %t, "sizes": [%d, null]}`, pick(g, languages), id%2 == 0, id%50)
		in.add(append([]any{id, pick(g, names), g.sometimes(9, fmt.Sprintf("customer%d@%s.example", id, g.shop.Client)), pick(g, countries),
			g.sometimes(5, preferences), g.sometimes(3, pick(g, notes)), opened.AddDate(0, 0, -id%1000).Format(time.DateTime)},
			g.changedAt(id, 733, 59)...)...)
	}
	return in.flush(ctx)
}

// orders adds orders of one to three lines. An order's amount is the sum of its lines.
func (g *goods) orders(ctx context.Context, from, to int) error {
	orders := g.into("orders", g.changing("id", "customer_id", "status", "amount", "is_gift", "card_number", "ordered_on")...)
	lines := g.into("order_lines", g.changing("order_id", "line", "sku", "quantity", "unit_price")...)
	for id := from; id <= to; id++ {
		amount := 0
		for line := range 1 + g.rand.IntN(3) {
			quantity, cents := 1+g.rand.IntN(4), 199+g.rand.IntN(20000)
			amount += quantity * cents
			lines.add(append([]any{id, line + 1, sku(g.rand.IntN(productMax)), quantity, price(cents)}, g.changedAt(id, 251, 151)...)...)
		}
		orders.add(append([]any{id, 1 + g.rand.IntN(g.shop.customers), pick(g, statuses), price(amount), g.rand.IntN(10) / 9,
			g.sometimes(3, fmt.Sprintf("4111%012d", id*7919)), opened.AddDate(0, 0, id%180).Format(time.DateOnly)}, g.changedAt(id, 251, 151)...)...)
	}
	if err := orders.flush(ctx); err != nil {
		return err
	}
	return lines.flush(ctx)
}

// insert gathers the rows of one INSERT statement.
type insert struct {
	shop      *shop
	statement string
	marks     string
	rows      int
	values    []any
}

func (g *goods) into(name string, columns ...string) *insert {
	return &insert{
		shop: g.shop, statement: g.shop.own("INSERT INTO " + name + " (`" + strings.Join(columns, "`, `") + "`) VALUES "),
		marks: "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")",
	}
}

func (in *insert) add(values ...any) {
	in.rows++
	in.values = append(in.values, values...)
}

func (in *insert) flush(ctx context.Context) error {
	statement := in.statement + strings.TrimSuffix(strings.Repeat(in.marks+", ", in.rows), ", ")
	_, err := in.shop.Server.db.ExecContext(ctx, statement, in.values...)
	return in.shop.wrap(err)
}
