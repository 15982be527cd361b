package databricks

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/workspace"

	"tributary/internal/secrets"
)

// Secret reads a secret of a secret scope: one that Databricks keeps, or one backed by an Azure Key Vault. Its errors are also
// those of package secrets: ErrNotFound when the scope, the key or a value is missing, and ErrDenied.
func (w *Workspace) Secret(ctx context.Context, scope, key string) (string, error) {
	var got *workspace.GetSecretResponse
	err := w.again(ctx, func() (err error) {
		got, err = w.secrets.GetSecret(ctx, workspace.GetSecretRequest{Scope: scope, Key: key})
		return err
	})
	err = w.failed(ctx, err, advice{
		what: fmt.Sprintf("read the secret %s/%s", scope, key),
		denied: fmt.Sprintf("grant %s READ on the secret scope %s (databricks secrets put-acl %s PRINCIPAL READ); of a scope in Azure Key Vault, give AzureDatabricks the role Key Vault Secrets User there",
			w.identity(), scope, scope),
		missing: fmt.Sprintf("see `databricks secrets list-secrets %s` for the keys that there are, and correct the reference", scope),
	})
	switch {
	case errors.Is(err, ErrMissing):
		return "", fmt.Errorf("%w: %w", secrets.ErrNotFound, err)
	case errors.Is(err, ErrDenied):
		return "", fmt.Errorf("%w: %w", secrets.ErrDenied, err)
	case err != nil:
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(got.Value)
	if err != nil {
		return "", fmt.Errorf("%w: the secret %s/%s is not in base64, as the Secrets API promises", ErrInvalid, scope, key)
	}
	if len(value) == 0 {
		return "", fmt.Errorf("%w: the secret %s/%s is empty; give it a value", secrets.ErrNotFound, scope, key)
	}
	return string(value), nil
}
