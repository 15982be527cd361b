package workspace

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ask sends a request with a token ("" for none) and returns the status and the answer.
func ask(t *testing.T, w *Workspace, token, method, path, body string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, w.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(got), response.Header
}

func token(t *testing.T, w *Workspace, id, secret, grant, scope string) (int, string) {
	t.Helper()
	form := url.Values{"grant_type": {grant}, "scope": {scope}}
	r, err := http.NewRequest(http.MethodPost, w.URL+"/oidc/v1/token", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	var got struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&got))
	return response.StatusCode, got.Token + got.Error
}

func TestTokens(t *testing.T) {
	w := Start(t, Options{})
	use := func(token string) int {
		status, _, _ := ask(t, w, token, http.MethodGet, "/api/2.0/sql/warehouses", "")
		return status
	}
	status, valid := token(t, w, w.ClientID, w.ClientSecret, "client_credentials", "all-apis")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, http.StatusOK, use(valid))
	require.Equal(t, http.StatusOK, use(w.Token))
	t.Run("Err no token", func(t *testing.T) {
		status, body, _ := ask(t, w, "", http.MethodGet, "/api/2.0/sql/warehouses", "")
		require.Equal(t, http.StatusUnauthorized, status)
		require.Contains(t, body, "Credential was not sent")
	})
	t.Run("Err unknown token", func(t *testing.T) {
		status, body, header := ask(t, w, "dapi0", http.MethodGet, "/api/2.0/sql/warehouses", "")
		require.Equal(t, http.StatusForbidden, status)
		require.JSONEq(t, `{"error_code":403,"message":"Invalid access token."}`, body)
		require.Equal(t, "Invalid access token.", header.Get("X-Databricks-Reason-Phrase"))
	})
	t.Run("Err expired token", func(t *testing.T) {
		w.mu.Lock()
		require.WithinDuration(t, time.Now().Add(time.Hour+tokenGrace), w.tokens[valid], 10*time.Minute)
		w.tokens[valid] = time.Now().Add(-time.Millisecond)
		w.mu.Unlock()
		require.Equal(t, http.StatusForbidden, use(valid))
	})
	t.Run("Err tokens made to expire", func(t *testing.T) {
		_, fresh := token(t, w, w.ClientID, w.ClientSecret, "client_credentials", "all-apis")
		require.Equal(t, http.StatusOK, use(fresh))
		w.ExpireTokens()
		require.Equal(t, http.StatusForbidden, use(fresh))
		require.Equal(t, http.StatusOK, use(w.Token))
		w.RevokeToken()
		require.Equal(t, http.StatusForbidden, use(w.Token))
	})
	for name, c := range map[string]struct {
		id, secret, grant, scope string
		status                   int
		want                     string
	}{
		"Err wrong secret": {w.ClientID, "x", "client_credentials", "all-apis", http.StatusUnauthorized, "invalid_client"},
		"Err wrong client": {"x", w.ClientSecret, "client_credentials", "all-apis", http.StatusUnauthorized, "invalid_client"},
		"Err wrong grant":  {w.ClientID, w.ClientSecret, "password", "all-apis", http.StatusBadRequest, "unsupported_grant_type"},
		"Err wrong scope":  {w.ClientID, w.ClientSecret, "client_credentials", "openid", http.StatusBadRequest, "invalid_scope"},
	} {
		t.Run(name, func(t *testing.T) {
			status, got := token(t, w, c.id, c.secret, c.grant, c.scope)
			require.Equal(t, c.status, status)
			require.Equal(t, c.want, got)
		})
	}
}

func TestFiles(t *testing.T) {
	w := Start(t, Options{MaxFile: 10, PageSize: 2})
	const files, folders, volume = "/api/2.0/fs/files", "/api/2.0/fs/directories", "/Volumes/main/central/staging"
	deny := func(grant string) func() { return func() { w.Deny(grant) } }
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says                     string
		before                   func()
	}{
		{name: "Err list an empty volume", method: http.MethodGet, path: folders + volume, status: 404, says: "FILES_API_DIRECTORY_IS_NOT_FOUND"},
		{name: "OK make a file with its folders", method: http.MethodPut, path: files + volume + "/d/e/f", body: "one", status: 204},
		{name: "Err make it again", method: http.MethodPut, path: files + volume + "/d/e/f", body: "two", status: 409, says: "ALREADY_EXISTS"},
		{name: "Err not to be overwritten", method: http.MethodPut, path: files + volume + "/d/e/f?overwrite=false", body: "two", status: 409, says: "ALREADY_EXISTS"},
		{name: "OK unchanged", method: http.MethodGet, path: files + volume + "/d/e/f", status: 200, says: "one"},
		{name: "OK replace it", method: http.MethodPut, path: files + volume + "/d/e/f?overwrite=true", body: "two", status: 204},
		{name: "OK read it", method: http.MethodGet, path: files + volume + "/d/e/f", status: 200, says: "two"},
		{name: "Err a file over a folder", method: http.MethodPut, path: files + volume + "/d/e?overwrite=true", body: "x", status: 400, says: "IS_A_DIRECTORY"},
		{name: "Err a folder over a file", method: http.MethodPut, path: folders + volume + "/d/e/f", status: 409, says: "ALREADY_EXISTS"},
		{name: "Err too large", method: http.MethodPut, path: files + volume + "/large", body: "eleven bytes", status: 413, says: "FILES_API_FILE_TOO_LARGE"},
		{name: "Err read what is not there", method: http.MethodGet, path: files + volume + "/large", status: 404, says: "FILES_API_FILE_IS_NOT_FOUND"},
		{name: "Err read a folder as a file", method: http.MethodGet, path: files + volume + "/d", status: 404, says: "FILES_API_FILE_IS_NOT_FOUND"},
		{name: "OK look at a folder", method: http.MethodHead, path: folders + volume + "/d", status: 200},
		{name: "Err look at no folder", method: http.MethodHead, path: folders + volume + "/none", status: 404},
		{name: "Err delete a folder with files", method: http.MethodDelete, path: folders + volume + "/d/e", status: 400, says: "FILES_API_DIRECTORY_IS_NOT_EMPTY"},
		{name: "Err delete a folder as a file", method: http.MethodDelete, path: files + volume + "/d/e", status: 404},
		{name: "OK delete the file", method: http.MethodDelete, path: files + volume + "/d/e/f", status: 204},
		{name: "Err delete it again", method: http.MethodDelete, path: files + volume + "/d/e/f", status: 404, says: "FILES_API_FILE_IS_NOT_FOUND"},
		{name: "OK delete the empty folder", method: http.MethodDelete, path: folders + volume + "/d/e", status: 204},
		{name: "Err delete the folder again", method: http.MethodDelete, path: folders + volume + "/d/e", status: 404},
		{name: "OK make a folder twice", method: http.MethodPut, path: folders + volume + "/d", status: 204},
		{name: "Err outside volumes", method: http.MethodGet, path: files + "/tmp/x", status: 400, says: "Invalid path"},
		{name: "Err above volumes", method: http.MethodGet, path: files + volume + "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", status: 400, says: "Invalid path"},
		{name: "Err only a schema", method: http.MethodGet, path: folders + "/Volumes/main/central", status: 400, says: "Invalid path"},
		{name: "Err no catalog", method: http.MethodGet, path: folders + "/Volumes/none/central/staging", status: 404, says: "Catalog 'none' does not exist."},
		{name: "Err no schema", method: http.MethodGet, path: folders + "/Volumes/main/none/staging", status: 404, says: "Schema 'main.none' does not exist."},
		{name: "Err no volume", method: http.MethodPut, path: files + "/Volumes/main/central/none/x", status: 404, says: "Volume 'main.central.none' does not exist."},
		{name: "Err page of nowhere", method: http.MethodGet, path: folders + volume + "?page_token=x", status: 400, says: "Invalid page token"},
		{name: "Err no WRITE VOLUME", method: http.MethodPut, path: files + volume + "/x", status: 403, says: "WRITE VOLUME on Volume 'main.central.staging'", before: deny("WRITE VOLUME main.central.staging")},
		{name: "OK reading needs READ VOLUME only", method: http.MethodGet, path: folders + volume, status: 200, says: `"name":"d"`},
		{name: "Err no READ VOLUME", method: http.MethodGet, path: folders + volume, status: 403, says: "PERMISSION_DENIED", before: deny("READ VOLUME main.central.staging")},
		{name: "Err no USE SCHEMA", method: http.MethodGet, path: folders + volume, status: 403, says: "USE SCHEMA", before: deny("USE SCHEMA main.central")},
		{name: "Err no USE CATALOG", method: http.MethodGet, path: folders + volume, status: 403, says: "USE CATALOG", before: deny("USE CATALOG main")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.before != nil {
				c.before()
			}
			status, body, _ := ask(t, w, w.Token, c.method, c.path, c.body)
			require.Equal(t, c.status, status, body)
			require.Contains(t, body, c.says)
		})
	}
}

func TestListIsPaged(t *testing.T) {
	w := Start(t, Options{PageSize: 2})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		require.NoError(t, os.WriteFile(filepath.Join(w.Dir, "Volumes/main/central/staging", name), nil, 0o600))
	}
	var names []string
	page := ""
	for {
		_, body, _ := ask(t, w, w.Token, http.MethodGet, "/api/2.0/fs/directories/Volumes/main/central/staging?page_token="+page, "")
		var got struct {
			Contents []struct{ Name string }
			Next     string `json:"next_page_token"`
		}
		require.NoError(t, json.Unmarshal([]byte(body), &got))
		require.LessOrEqual(t, len(got.Contents), 2)
		for _, c := range got.Contents {
			names = append(names, c.Name)
		}
		if page = got.Next; page == "" {
			break
		}
	}
	require.Equal(t, []string{"a", "b", "c", "d", "e"}, names)
}

func TestSecretsJobsAndWarehouses(t *testing.T) {
	w := Start(t, Options{})
	w.PutSecret("crm", "password", "hunter2")
	w.AddJob(Job{ID: 7})
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		says, deny               string
	}{
		{name: "OK secret in base64", method: http.MethodGet, path: "/api/2.0/secrets/get?scope=crm&key=password", status: 200, says: base64.StdEncoding.EncodeToString([]byte("hunter2"))},
		{name: "Err no scope", method: http.MethodGet, path: "/api/2.0/secrets/get?scope=none&key=password", status: 404, says: "RESOURCE_DOES_NOT_EXIST"},
		{name: "Err no key", method: http.MethodGet, path: "/api/2.0/secrets/get?scope=crm&key=none", status: 404, says: "Secret does not exist with scope: crm and key: none"},
		{name: "Err nothing given", method: http.MethodGet, path: "/api/2.0/secrets/get", status: 400, says: "INVALID_PARAMETER_VALUE"},
		{name: "Err no READ", method: http.MethodGet, path: "/api/2.0/secrets/get?scope=crm&key=password", status: 403, says: "does not have READ permission on scope crm", deny: "READ crm"},
		{name: "Err no job", method: http.MethodPost, path: "/api/2.2/jobs/run-now", body: `{"job_id": 8}`, status: 400, says: "Job 8 does not exist."},
		{name: "Err long token", method: http.MethodPost, path: "/api/2.2/jobs/run-now", body: `{"job_id": 7, "idempotency_token": "` + strings.Repeat("x", 65) + `"}`, status: 400, says: "64 characters"},
		{name: "Err no JSON", method: http.MethodPost, path: "/api/2.2/jobs/run-now", body: `job_id=7`, status: 400, says: "MALFORMED_REQUEST"},
		{name: "Err no run", method: http.MethodGet, path: "/api/2.2/jobs/runs/get?run_id=1", status: 400, says: "Run 1 does not exist."},
		{name: "Err no CAN MANAGE RUN", method: http.MethodPost, path: "/api/2.2/jobs/run-now", body: `{"job_id": 7}`, status: 403, says: "PERMISSION_DENIED", deny: "CAN MANAGE RUN 7"},
		{name: "Err no warehouse", method: http.MethodGet, path: "/api/2.0/sql/warehouses/none", status: 404, says: "RESOURCE_DOES_NOT_EXIST"},
		{name: "Err start no warehouse", method: http.MethodPost, path: "/api/2.0/sql/warehouses/none/start", status: 404, says: "RESOURCE_DOES_NOT_EXIST"},
		{name: "Err no CAN USE", method: http.MethodGet, path: "/api/2.0/sql/warehouses/" + DefaultWarehouse, status: 403, says: "PERMISSION_DENIED", deny: "CAN USE " + DefaultWarehouse},
		{name: "Err no such endpoint", method: http.MethodGet, path: "/api/2.0/clusters/list", status: 404, says: "ENDPOINT_NOT_FOUND"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.deny != "" {
				w.Deny(c.deny)
			}
			status, body, _ := ask(t, w, w.Token, c.method, c.path, c.body)
			require.Equal(t, c.status, status, body)
			require.Contains(t, body, c.says)
		})
	}
}

func TestFaultsComeWhenAndAsOftenAsAsked(t *testing.T) {
	w := Start(t, Options{})
	w.Fail(Fault{Method: http.MethodGet, Prefix: "/api/2.0/sql", After: 1, Times: 2, Status: http.StatusTooManyRequests, Code: "REQUEST_LIMIT_EXCEEDED", RetryAfter: 3})
	var got []int
	for range 4 {
		status, _, header := ask(t, w, w.Token, http.MethodGet, "/api/2.0/sql/warehouses", "")
		got = append(got, status)
		require.Equal(t, status == http.StatusTooManyRequests, header.Get("Retry-After") == "3")
	}
	require.Equal(t, []int{200, 429, 429, 200}, got)
	require.Equal(t, 4, w.Count(http.MethodGet, "/api/2.0/sql"))

	w.Fail(Fault{Prefix: "/api/2.0/fs/files", Lost: true})
	r, err := http.NewRequest(http.MethodPut, w.URL+"/api/2.0/fs/files/Volumes/main/central/staging/x", strings.NewReader("arrived"))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+w.Token)
	_, err = http.DefaultClient.Do(r)
	require.Error(t, err)
	status, body, _ := ask(t, w, w.Token, http.MethodGet, "/api/2.0/fs/files/Volumes/main/central/staging/x", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "arrived", body)
}
