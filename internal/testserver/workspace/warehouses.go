package workspace

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

type warehouse struct {
	id, name, state string
	left            int // requests until one that starts runs
}

// AddWarehouse makes a running SQL warehouse.
func (w *Workspace) AddWarehouse(id, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warehouses[id] = &warehouse{id: id, name: name, state: "RUNNING"}
}

// StopWarehouse stops a warehouse, as its auto stop would. A request to its SQL endpoint starts it again.
func (w *Workspace) StopWarehouse(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warehouses[id].state = "STOPPED"
}

// HTTPPath is the path of a warehouse's SQL endpoint.
func (w *Workspace) HTTPPath(id string) string { return "/sql/1.0/warehouses/" + id }

func (w *Workspace) serveWarehouses(answer http.ResponseWriter, r *http.Request) {
	id, action, _ := strings.Cut(strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/2.0/sql/warehouses"), "/"), "/")
	if id != "" && w.isDenied("CAN USE "+id) {
		refuse(answer, http.StatusForbidden, "PERMISSION_DENIED", "You do not have permission to access warehouse "+id)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	found := w.warehouses[id]
	switch {
	case id == "" && r.Method == http.MethodGet:
		reply(answer, http.StatusOK, object{"warehouses": w.listWarehouses()})
	case found == nil:
		refuse(answer, http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", fmt.Sprintf("SQL warehouse %s does not exist.", id))
	case action == "" && r.Method == http.MethodGet:
		reply(answer, http.StatusOK, found.object())
		found.step()
	case action == "start" && r.Method == http.MethodPost:
		found.start(w.options.StartRequests)
		reply(answer, http.StatusOK, object{})
	default:
		refuse(answer, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.Method+" "+r.URL.Path+"'")
	}
}

// listWarehouses leaves out what the caller may not use, as Databricks does.
func (w *Workspace) listWarehouses() []object {
	var all []object
	for id, found := range w.warehouses {
		if !w.denied["CAN USE "+id] {
			all = append(all, found.object())
		}
	}
	slices.SortFunc(all, func(a, b object) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	return all
}

func (h *warehouse) object() object {
	return object{
		"id": h.id, "name": h.name, "state": h.state, "cluster_size": "2X-Small", "max_num_clusters": 1, "enable_serverless_compute": false,
		"warehouse_type": "PRO", "health": object{"status": "HEALTHY"},
	}
}

func (h *warehouse) start(requests int) {
	if h.state == "STOPPED" {
		h.state, h.left = "STARTING", requests
	}
}

// step brings a warehouse that starts a request nearer to running.
func (h *warehouse) step() {
	if h.state != "STARTING" {
		return
	}
	if h.left--; h.left <= 0 {
		h.state = "RUNNING"
	}
}
