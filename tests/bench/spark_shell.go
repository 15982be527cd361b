package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// shell is a session that runs bare statements, as fast as the server can: it asks for them to be run within the call
// (runAsync is false), so that nothing is polled, and leaves their results.
type shell struct {
	url     string
	session structure
}

// columnsProtocol is Thrift's HIVE_CLI_SERVICE_PROTOCOL_V8.
const columnsProtocol = int32(7)

func openShell(ctx context.Context, url string) (*shell, error) {
	s := &shell{url: url}
	answer, err := s.call(ctx, "OpenSession", structure{{1, columnsProtocol}})
	if err != nil {
		return nil, err
	}
	_, guid, err := find(ctx, answer, 0, 3, 1, 1)
	if err != nil {
		return nil, err
	}
	_, secret, err := find(ctx, answer, 0, 3, 1, 2)
	if err != nil {
		return nil, err
	}
	s.session = structure{{1, structure{{1, guid.bytes}, {2, secret.bytes}}}}
	return s, s.run(ctx, "SET TIME ZONE 'UTC'") // as the lake's sessions
}

// run returns when the statement has ended.
func (s *shell) run(ctx context.Context, statement string) error {
	_, err := s.call(ctx, "ExecuteStatement", structure{{1, s.session}, {2, statement}, {4, false}})
	return err
}

// close ends the session.
func (s *shell) close(ctx context.Context) error {
	_, err := s.call(ctx, "CloseSession", structure{{1, s.session}})
	return err
}

func (s *shell) call(ctx context.Context, method string, argument structure) ([]byte, error) {
	body, err := encode(ctx, method, argument)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	request.SetBasicAuth("tributary", "bench") // any will do
	request.Header.Set("Content-Type", "application/x-thrift")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	answer, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	_, status, err := find(ctx, answer, 0, 1, 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", method, response.Status, err)
	}
	if status.number > 1 { // 0 is success, 1 success with a remark
		_, message, err := find(ctx, answer, 0, 1, 5)
		return nil, errors.Join(fmt.Errorf("%s: %s", method, message.bytes), err)
	}
	return answer, nil
}
