package serve

import (
	"context"
	"fmt"
	"log/slog"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tributary/workflows"
)

// ensureSearchAttributes adds the search attributes that the namespace lacks. Adding one that is there is
// no error. An account that may not list them is trusted to have them.
func ensureSearchAttributes(ctx context.Context, c client.Client, namespace string, logger *slog.Logger) error {
	if namespace == "" {
		namespace = client.DefaultNamespace
	}
	listed, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if refused := status.Code(err); refused == codes.PermissionDenied || refused == codes.Unimplemented {
		logger.Warn("search attributes not checked: Temporal does not let this account list them", "wanted", workflows.SearchAttributes(), "type", "Keyword")
		return nil
	}
	if err != nil {
		return fmt.Errorf("list the search attributes of Temporal's namespace %q: %w", namespace, err)
	}
	missing := map[string]enums.IndexedValueType{}
	for _, name := range workflows.SearchAttributes() {
		if _, ok := listed.GetCustomAttributes()[name]; !ok {
			missing[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: missing})
	if err != nil {
		return fmt.Errorf("add the search attributes %v to Temporal's namespace %q: %w; have an administrator run: temporal operator search-attribute create --namespace %s --name NAME --type Keyword", workflows.SearchAttributes(), namespace, err, namespace)
	}
	return nil
}
