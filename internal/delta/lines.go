package delta

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// writeLines writes actions as JSON, one a line.
func writeLines(actions []action) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, a := range actions {
		if err := encoder.Encode(a); err != nil {
			return nil, fmt.Errorf("write an action: %w", err)
		}
	}
	return b.Bytes(), nil
}

func rawStrings(values map[string]string) map[string]json.RawMessage {
	if len(values) == 0 {
		return nil
	}
	raw := make(map[string]json.RawMessage, len(values))
	for k, v := range values {
		raw[k] = mustJSON(v)
	}
	return raw
}

// plainStrings is the inverse; what is not a string stays as its JSON.
func plainStrings(raw map[string]json.RawMessage) map[string]string {
	if len(raw) == 0 {
		return nil
	}
	values := make(map[string]string, len(raw))
	for k, v := range raw {
		var text string
		if err := json.Unmarshal(v, &text); err != nil {
			text = string(v)
		}
		values[k] = text
	}
	return values
}
