package testserver_test

import (
	"context"
	"net"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tributary/internal/testserver"
)

func TestTemporalRunsAWorkflowWithOurSearchAttributes(t *testing.T) {
	s := testserver.Temporal(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()

	have, err := s.Client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.Namespace})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range testserver.SearchAttributes {
		if got := have.GetCustomAttributes()[name]; got != enums.INDEXED_VALUE_TYPE_KEYWORD {
			t.Errorf("search attribute %s is %s, want Keyword", name, got)
		}
	}

	w := worker.New(s.Client, "q", worker.Options{})
	w.RegisterWorkflowWithOptions(func(workflow.Context) (string, error) { return "done", nil }, workflow.RegisterOptions{Name: "Echo"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	run, err := s.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		TaskQueue:             "q",
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword("Client").ValueSet("acme")),
	}, "Echo")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := run.Get(ctx, &got); err != nil || got != "done" {
		t.Fatalf("result = %q, %v; want done", got, err)
	}
}

func TestStartTemporalErrWrongArgumentShowsTheLog(t *testing.T) {
	_, err := testserver.StartTemporal("--no-such-option")
	if err == nil {
		t.Fatal("it started")
	}
	wantInError(t, err, "no-such-option")
}

func TestStartTemporalErrPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = testserver.StartTemporal("--port", port)
	wantInError(t, err, "address already in use") // what has it tried again on another port
}
