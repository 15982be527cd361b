package workspace

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"time"
)

// serveSignIn has what the host says about itself, the discovery of OAuth and the token endpoint, for service principals.
func (w *Workspace) serveSignIn(answer http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/databricks-config":
		reply(answer, http.StatusOK, object{"oidc_endpoint": w.URL + "/oidc", "host_type": "workspace", "cloud": "AWS"})
	case "/oidc/.well-known/oauth-authorization-server":
		reply(answer, http.StatusOK, object{
			"issuer": w.URL + "/oidc", "authorization_endpoint": w.URL + "/oidc/v1/authorize", "token_endpoint": w.URL + "/oidc/v1/token",
		})
	case "/oidc/v1/token":
		w.serveToken(answer, r)
	default:
		refuse(answer, http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '"+r.URL.Path+"'")
	}
}

// tokenGrace is how much longer a token is good than its holder is told: it learns of it later, and its requests may be under way for as
// long as a busy machine stalls. A test that waits until a holder knows that its token has expired ends it with ExpireTokens.
const tokenGrace = time.Minute

func (w *Workspace) serveToken(answer http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	w.mu.Lock()
	valid := w.secret
	w.mu.Unlock()
	switch {
	case r.Method != http.MethodPost:
		reply(answer, http.StatusMethodNotAllowed, object{"error": "invalid_request", "error_description": "The token endpoint takes POST"})
	case r.PostFormValue("grant_type") != "client_credentials":
		reply(answer, http.StatusBadRequest, object{"error": "unsupported_grant_type", "error_description": "Unsupported grant type"})
	case r.PostFormValue("scope") != "all-apis":
		reply(answer, http.StatusBadRequest, object{"error": "invalid_scope", "error_description": "The requested scope is invalid"})
	case id != w.ClientID || secret != valid:
		reply(answer, http.StatusUnauthorized, object{"error": "invalid_client", "error_description": "Client authentication failed"})
	default:
		token := "eyJ" + randomHex(24)
		w.mu.Lock()
		w.tokens[token] = time.Now().Add(w.options.TokenLife + tokenGrace)
		w.mu.Unlock()
		reply(answer, http.StatusOK, object{
			"access_token": token, "token_type": "Bearer", "scope": "all-apis", "expires_in": int(w.options.TokenLife / time.Second),
		})
	}
}

// ExpireTokens makes every OAuth token given out so far invalid.
func (w *Workspace) ExpireTokens() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for token, until := range w.tokens {
		if !until.IsZero() {
			delete(w.tokens, token)
		}
	}
}

// RotateSecret gives the service principal another secret, which nobody is told.
func (w *Workspace) RotateSecret() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secret = randomHex(16)
}

// RevokeToken makes the personal access token invalid.
func (w *Workspace) RevokeToken() {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.tokens, w.Token)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
