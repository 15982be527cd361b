package workspace

import (
	"encoding/base64"
	"net/http"
)

// PutSecret stores a secret, and makes its scope when it is new. A scope backed by a Key Vault is read in the same way.
func (w *Workspace) PutSecret(scope, key, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.scopes[scope] == nil {
		w.scopes[scope] = map[string]string{}
	}
	w.scopes[scope][key] = value
}

func (w *Workspace) serveSecrets(answer http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != "/api/2.0/secrets/get" {
		refuse(answer, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.Method+" "+r.URL.Path+"'")
		return
	}
	scope, key := r.URL.Query().Get("scope"), r.URL.Query().Get("key")
	w.mu.Lock()
	keys, hasScope := w.scopes[scope]
	value, hasKey := keys[key]
	w.mu.Unlock()
	switch {
	case scope == "" || key == "":
		refuse(answer, http.StatusBadRequest, "INVALID_PARAMETER_VALUE", "Scope and key must be given")
	case !hasScope:
		refuse(answer, http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "Scope "+scope+" does not exist!")
	case w.isDenied("READ " + scope):
		refuse(answer, http.StatusForbidden, "PERMISSION_DENIED", "User does not have READ permission on scope "+scope+" to perform this action.")
	case !hasKey:
		refuse(answer, http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", "Secret does not exist with scope: "+scope+" and key: "+key)
	default:
		reply(answer, http.StatusOK, object{"key": key, "value": base64.StdEncoding.EncodeToString([]byte(value))})
	}
}
