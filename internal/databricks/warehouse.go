package databricks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/service/sql"
)

// States of a SQL warehouse.
const (
	WarehouseRunning  = string(sql.StateRunning)
	WarehouseStarting = string(sql.StateStarting)
	WarehouseStopped  = string(sql.StateStopped)
	WarehouseStopping = string(sql.StateStopping)
	WarehouseDeleting = string(sql.StateDeleting)
	WarehouseDeleted  = string(sql.StateDeleted)
)

// Warehouse is a SQL warehouse.
type Warehouse struct {
	ID          string
	Name        string
	State       string // Warehouse…
	Size        string // "Small"
	MaxClusters int
	Serverless  bool
	Health      string // why it does not start or works badly; empty when all is well
}

// Warehouse returns a SQL warehouse. When there is none with that id, the error names those that there are.
func (w *Workspace) Warehouse(ctx context.Context, id string) (Warehouse, error) {
	var got *sql.GetWarehouseResponse
	err := w.again(ctx, func() (err error) {
		got, err = w.warehouses.Get(ctx, sql.GetWarehouseRequest{Id: id})
		return err
	})
	if err != nil {
		return Warehouse{}, w.warehouseError(ctx, err, "look at warehouse "+id)
	}
	found := Warehouse{
		ID: got.Id, Name: got.Name, State: string(got.State), Size: got.ClusterSize,
		MaxClusters: got.MaxNumClusters, Serverless: got.EnableServerlessCompute,
	}
	if got.Health != nil && got.Health.Status != sql.StatusHealthy {
		found.Health = strings.TrimSpace(got.Health.Summary + " " + got.Health.Details)
	}
	return found, nil
}

// StartWarehouse asks a stopped warehouse to start, and does not wait. One that runs or is starting is left as it is.
func (w *Workspace) StartWarehouse(ctx context.Context, id string) error {
	err := w.again(ctx, func() error {
		_, err := w.warehouses.Start(ctx, sql.StartRequest{Id: id}) // not waited for
		return err
	})
	return w.warehouseError(ctx, err, "start warehouse "+id)
}

const (
	firstPoll = time.Second
	lastPoll  = 10 * time.Second
)

// AwaitWarehouse starts a warehouse that is stopped and waits until it runs. It calls say with each new state that is not
// running; say may be nil. The wait ends with the context.
func (w *Workspace) AwaitWarehouse(ctx context.Context, id string, say func(Warehouse)) (Warehouse, error) {
	last := ""
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		found, err := w.Warehouse(ctx, id)
		switch {
		case err != nil, found.State == WarehouseRunning:
			return found, err
		case found.State == WarehouseDeleted, found.State == WarehouseDeleting:
			return found, fmt.Errorf("%w: warehouse %s (%s) is deleted; name another in lake.warehouse", ErrMissing, id, found.Name)
		case found.State == WarehouseStopped:
			err = w.StartWarehouse(ctx, id)
		}
		if err != nil {
			return found, err
		}
		if found.State != last && say != nil {
			say(found)
		}
		last = found.State
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		if ctx.Err() != nil {
			return found, fmt.Errorf("%w: warehouse %s (%s) is %s: %s", ctx.Err(), id, found.Name, strings.ToLower(found.State), found.Health)
		}
	}
}

func (w *Workspace) warehouseError(ctx context.Context, err error, what string) error {
	if err == nil {
		return nil
	}
	a := advice{what: what, denied: fmt.Sprintf("give %s CAN USE on the SQL warehouse", w.identity()), missing: "correct lake.warehouse"}
	err = w.failed(ctx, err, a)
	if !errors.Is(err, ErrMissing) {
		return err
	}
	return fmt.Errorf("%w; %s", err, w.otherWarehouses(ctx))
}

// otherWarehouses lists the warehouses that these credentials see.
func (w *Workspace) otherWarehouses(ctx context.Context) string {
	listed, err := w.warehouses.ListAll(ctx, sql.ListWarehousesRequest{})
	switch {
	case err != nil:
		return "which ones there are could not be listed"
	case len(listed) == 0:
		return "these credentials may use no warehouse at all"
	}
	var names []string
	for _, other := range listed[:min(len(listed), 20)] {
		names = append(names, fmt.Sprintf("%s (%s)", other.Id, other.Name))
	}
	return "there are " + strings.Join(names, ", ")
}
