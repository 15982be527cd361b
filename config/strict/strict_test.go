package strict

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type inner struct {
	Text  string            `json:"text"`
	Count int               `json:"count"`
	Flag  bool              `json:"flag"`
	Wait  time.Duration     `json:"wait"`
	Word  Word              `json:"word"`
	Map   map[string]string `json:"map"`
	List  []inner           `json:"list"`
}

func decode(t *testing.T, name, text string) (inner, Faults) {
	t.Helper()
	f := Parse(name, []byte(text))
	var got inner
	f.Decode(&got)
	return got, f.Faults
}

func TestDecodeReadsYAMLAndJSONAlike(t *testing.T) {
	want := inner{Text: "😀\t", Count: -7, Flag: true, Wait: time.Minute, Word: "null", Map: map[string]string{"A.b": "", "a.B": "x"}, List: []inner{{Text: "1"}, {}}}
	got, faults := decode(t, "a.yaml", "text: \"😀\\t\"\ncount: -7\nflag: true\nwait: 1m\nword: null\nmap: {A.b: '', a.B: x}\nlist:\n- text: '1'\n- {}\n")
	require.Empty(t, faults)
	require.Equal(t, want, got)
	got, faults = decode(t, "a.JSON", "{\n\t\"text\": \"\\ud83d\\ude00\\t\", \"count\": -7, \"flag\": true, \"wait\": \"1m\", \"word\": \"null\",\n\t\"map\": {\"A.b\": \"\", \"a.B\": \"x\"}, \"list\": [{\"text\": \"1\"}, {}]}")
	require.Empty(t, faults)
	require.Equal(t, want, got)
}

func TestDecodeTakesAnchorsAndMergeKeys(t *testing.T) {
	got, faults := decode(t, "a.yaml", "list:\n- &one {text: a, count: 1}\n- {<<: *one, count: 2}\n- *one\n- {<<: [*one, {flag: true}], text: b}")
	require.Empty(t, faults)
	require.Equal(t, []inner{{Text: "a", Count: 1}, {Text: "a", Count: 2}, {Text: "a", Count: 1}, {Text: "b", Count: 1, Flag: true}}, got.List)
}

func TestDecodeLeavesDefaultsWhereNothingIsWritten(t *testing.T) {
	for name, text := range map[string]string{"a.yaml": "text:\ncount: ~\nmap: null", "b.yaml": "", "c.yaml": "# nothing", "d.json": `{"text": null}`, "e.json": " \n"} {
		f, got := Parse(name, []byte(text)), inner{Text: "default", Count: 3}
		f.Decode(&got)
		require.Empty(t, f.Faults, name)
		require.Equal(t, inner{Text: "default", Count: 3}, got, name)
		require.False(t, f.Has("text"))
	}
}

func TestDecodeErr(t *testing.T) {
	bomb := "list:\n- &a {text: x}\n"
	for c := 'b'; c < 'j'; c++ {
		bomb += "- &" + string(c) + " {list: [" + strings.Repeat("*"+string(c-1)+", ", 9) + "*" + string(c-1) + "]}\n"
	}
	for name, c := range map[string]struct{ file, text, says string }{
		"unknown key":         {"a.yaml", "text: a\ncuont: 1", "a.yaml:2: cuont: unknown key; did you mean count?"},
		"unknown, none near":  {"a.yaml", "zzzzzzzzzz: 1", "use text, count, flag, wait, word, map or list"},
		"key twice":           {"a.yaml", "text: a\ntext: a", "a.yaml:2: text: the key is already on line 1"},
		"key twice in JSON":   {"a.json", "{\"text\": \"a\",\n\"text\": \"a\"}", "a.json:2: text: the key is already on line 1"},
		"key twice in a map":  {"a.yaml", "map:\n  a.b: x\n  a.b: y", `a.yaml:3: map["a.b"]: the key is already on line 2`},
		"number for text":     {"a.json", `{"text": 7}`, "a.json:1: text: is a number; write it in quotes, as text"},
		"date for text":       {"a.yaml", "text: 2024-01-01", "is a date; write it in quotes"},
		"list for text":       {"a.yaml", "text: [a]", "is a list; write text"},
		"fraction":            {"a.json", `{"count": 1.5}`, "is a fractional number; write a whole number"},
		"exponent":            {"a.json", `{"count": 1e3}`, "is a fractional number"},
		"yes":                 {"a.yaml", "flag: yes", "is text; write true or false"},
		"element is null":     {"a.yaml", "list:\n-", "a.yaml:2: list[0]: is empty; remove it"},
		"key is a list":       {"a.yaml", "map: {[a]: b}", "has a key that is a list"},
		"merge of no group":   {"a.yaml", "list:\n- &a {text: x}\n- {<<: x}", "merges what is no group of keys"},
		"alias in itself":     {"a.yaml", "list: &a\n- {list: *a}", "holds too much, or itself"},
		"alias bomb":          {"a.yaml", bomb, "holds too much, or itself"},
		"two documents":       {"a.yaml", "text: a\n---\ntext: b", "a second document begins here"},
		"broken YAML":         {"a.yaml", "text: a\n  b: {", "a.yaml:2: is not valid YAML"},
		"truncated JSON":      {"a.json", "{\n\"text\": ", "a.json:2: is not valid JSON: it ends too early"},
		"YAML in JSON":        {"a.json", "{\n\ntext: 1}", "a.json:3: is not valid JSON: invalid character 't'"},
		"text after the JSON": {"a.json", "{}\n{}", "a.json:2: is not valid JSON: text follows the end of the value"},
		"comma too many":      {"a.json", `{"list": [{},]}`, "is not valid JSON"},
		"deep JSON":           {"a.json", strings.Repeat("[", 1000), "nest deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := decode(t, c.file, c.text)
			require.Len(t, faults, 1)
			require.Contains(t, faults[0].Error(), c.says)
		})
	}
}

func TestAddIsSilentBelowWhatCouldNotBeRead(t *testing.T) {
	f := Parse("a.yaml", []byte("list: none\ntext: 7\nmap: {}"))
	f.Decode(new(inner))
	require.Len(t, f.Faults, 2)
	f.Add("list[0].text", "is missing", "give it a value")
	f.Add("text", "is missing", "give it a value")
	require.Len(t, f.Faults, 2)
	f.Add("map.a", "is missing", "give it a value")
	require.Equal(t, "a.yaml:3: map.a: is missing; give it a value", f.Faults[2].Error())
}

func TestNearest(t *testing.T) {
	words := []string{"cursor", "columns", "ids"}
	for word, want := range map[string]string{"curser": "cursor", "COLUMNS": "columns", "column": "columns", "id": "ids", "partition_by": ""} {
		require.Equal(t, want, Nearest(word, words), word)
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{"text: a", "list: &a [*a]", "{<<: [{text: a}, *x]}", `{"map": {"a": null}}`, "? [a]\n: b", "!!binary a: b", "count: 0x1F", "text: !!str"} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, isJSON bool) {
		name := map[bool]string{true: "a.json", false: "a.yaml"}[isJSON]
		_, faults := decode(t, name, text)
		for _, fault := range faults {
			require.NotEmpty(t, fault.Problem)
			require.NotEmpty(t, fault.Fix)
		}
	})
}
