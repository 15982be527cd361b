package sparksql

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

func TestGoldenVerify(t *testing.T) {
	columns := table.Schema{
		{Name: "sku", Type: table.String}, {Name: "n`r", Type: table.Decimal(20, 0)}, {Name: "at", Type: table.Timestamp}, {Name: "raw", Type: table.Binary},
	}
	layout, err := rowhash.NewLayout(columns, []string{"sku", "n`r"}, "at", nil)
	require.NoError(t, err)
	var keys []rowhash.Key
	for _, values := range [][]any{{"a", "1"}, {`it's \ ${x}`, "18446744073709551615"}, {"z", "-5"}} {
		key, err := layout.Keys.Encode(values)
		require.NoError(t, err)
		keys = append(keys, key)
	}
	layout.Ranges = keys
	of := lake.Fingerprint{
		Ref:     table.Ref{Client: "ac'me", Region: "eu", Schema: "main.central", Table: "stock"},
		Version: 12, Layout: layout, Current: table.IsCurrent, Except: []table.File{{Path: "/staging/bleft/00000.parquet"}},
	}
	part := rowhash.Part{layout.Ranges.Interval(0), layout.Ranges.Interval(2), layout.Ranges.Interval(3)}
	golden(t, "verify", func(dialect) []statement {
		v := verifySQL{of}
		return []statement{{text: v.checksums()}, {text: v.rows(part)}, {text: v.cells(keys[1:2])}}
	})
}
