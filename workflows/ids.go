package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"

	"tributary/internal/table"
)

// Task queues. Each region has one of its own, so that workers sit near their databases.
const (
	ControlQueue = "tributary"      // workflows, and activities that read the registry
	LakeQueue    = "tributary-lake" // activities that work on the lake
)

// SourceQueue is the task queue of a region's Extract, Validate and Transform.
func SourceQueue(region string) string { return "tributary-source-" + region }

// The search attributes of every workflow, where they apply.
var (
	SearchClient = temporal.NewSearchAttributeKeyKeyword("Client")
	SearchRegion = temporal.NewSearchAttributeKeyKeyword("Region")
	SearchTable  = temporal.NewSearchAttributeKeyKeyword("Table")
	SearchSync   = temporal.NewSearchAttributeKeyKeyword("SyncName")
)

// SyncID is the workflow id of a sync that runs whole: one at a time.
func SyncID(sync string) string { return "sync/" + sync }

// RegionSyncID is the workflow id of a sync's part in a region, below its parent's: sync/daily/eu.
func RegionSyncID(parent, region string) string { return parent + "/" + region }

// ClientSyncID is the workflow id of a client's part, below its parent's: sync/daily/eu/acme.
func ClientSyncID(parent, client string) string { return parent + "/" + client }

// TableSyncID is the workflow id of a client table: it has one open run at a time, whoever started
// it.
func TableSyncID(ref table.Ref) string { return "table/" + ref.Client + "/" + ref.Table }

// BackfillID is the workflow id of a client table's backfill, which runs beside its usual run:
// backfill/acme/orders/2026-01-01T00:00:00.000000..2026-02-01T00:00:00.000000.
func BackfillID(ref table.Ref, m Mode) string {
	return "backfill/" + ref.Client + "/" + ref.Table + "/" + RangeID(m.From, m.To)
}

// RangeID is a backfill's range as ids have it: without spaces, so that a shell takes it as one word.
func RangeID(from, to string) string { return strings.ReplaceAll(from+".."+to, " ", "T") }

// spacedBackfillID is what BackfillID was before, for the runs that began then.
func spacedBackfillID(ref table.Ref, m Mode) string {
	return "backfill/" + ref.Client + "/" + ref.Table + "/" + m.From + ".." + m.To
}

// MaintainID is the workflow id of the maintenance of a sync's tables.
func MaintainID(sync string) string { return "maintain/" + sync }

// SearchAttributes names the search attributes, all of type Keyword.
func SearchAttributes() []string {
	return []string{SearchClient.GetName(), SearchRegion.GetName(), SearchTable.GetName(), SearchSync.GetName()}
}
