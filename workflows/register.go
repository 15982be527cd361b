package workflows

import (
	"go.temporal.io/sdk/worker"

	"tributary/activities"
)

// Register registers every workflow, and every activity that reads the registry, on a worker of
// ControlQueue.
func Register(w worker.Registry, a *activities.Activities) {
	w.RegisterWorkflow(Sync)
	w.RegisterWorkflow(RegionSync)
	w.RegisterWorkflow(ClientSync)
	w.RegisterWorkflow(TableSync)
	w.RegisterWorkflow(Maintain)
	w.RegisterWorkflow(Verify)
	w.RegisterWorkflow(VerifyTable)
	w.RegisterActivity(a.ListRegions)
	w.RegisterActivity(a.ListClients)
	w.RegisterActivity(a.AwaitClient)
}

// RegisterSource registers the activities of a region on a worker of its SourceQueue. The worker's
// options must enable sessions.
func RegisterSource(w worker.Registry, a *activities.Activities) {
	w.RegisterActivity(a.Extract)
	w.RegisterActivity(a.Validate)
	w.RegisterActivity(a.Transform)
	w.RegisterActivity(a.Discard)
	w.RegisterActivity(a.Verify)
	w.RegisterActivity(a.VerifyAgain)
}

// RegisterLake registers the activities of the lake on a worker of LakeQueue.
func RegisterLake(w worker.Registry, a *activities.Activities) {
	w.RegisterActivity(a.Watermarks)
	w.RegisterActivity(a.Merge)
	w.RegisterActivity(a.Log)
	w.RegisterActivity(a.RunStatement)
	w.RegisterActivity(a.StartJob)
	w.RegisterActivity(a.AwaitJob)
	w.RegisterActivity(a.CancelJob)
	w.RegisterActivity(a.Optimize)
	w.RegisterActivity(a.Vacuum)
	w.RegisterActivity(a.Sweep)
}
