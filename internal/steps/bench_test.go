package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

const benchRows, benchBatch = 3_000_000, 32768

// BenchmarkOrders measures both steps over 3,000,000 rows of 16 columns, and reports the process's peak memory.
func BenchmarkOrders(b *testing.B) {
	job := ordersJob(b)
	b.Run("Validate", func(b *testing.B) {
		for b.Loop() {
			_, err := Validate(context.Background(), job)
			require.NoError(b, err)
		}
		reportPeak(b)
	})
	b.Run("Transform", func(b *testing.B) {
		valid := Validated{Counts: table.Counts{Read: benchRows}}
		for b.Loop() {
			out, err := Transform(context.Background(), job, valid)
			require.NoError(b, err)
			var bytes int64
			for _, f := range out.Files {
				bytes += f.Bytes
			}
			b.ReportMetric(float64(bytes)/(1<<20), "MiB-written")
		}
		reportPeak(b)
	})
}

// reportPeak reports the peak resident memory since the last report, where the system tells.
func reportPeak(b *testing.B) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			b.ReportMetric(kb/1024, "MiB-peak")
		}
	}
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // resets the peak; without the right, it stays
}

func ordersJob(b *testing.B) Job {
	job := Job{
		Client: table.Client{ID: "acme", Region: "eu"},
		Spec:   table.Spec{Name: "orders"},
		Plan: table.Plan{IDs: []string{"id"}, Cursor: "updated_at", Columns: columns("id decimal(20,0)", "client_id string", "region string",
			"customer_id long", "status string", "amount decimal(12,2)", "tax decimal(12,4)?", "quantity integer", "discount double?",
			"note string?", "is_gift byte", "ordered_on date", "created_at timestamp", "updated_at timestamp", "payload string?", "sku string")},
		Dir: b.TempDir(),
	}
	schema, err := arrowSchema(job.Plan.Schema())
	require.NoError(b, err)
	path := filepath.Join(b.TempDir(), "0.arrow")
	file, err := os.Create(path)
	require.NoError(b, err)
	w := ipc.NewWriter(file, ipc.WithSchema(schema))
	builder := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for from := 1; from <= benchRows; from += benchBatch {
		for i := from; i < min(from+benchBatch, benchRows+1); i++ {
			appendOrder(builder, i)
		}
		batch := builder.NewRecordBatch()
		require.NoError(b, w.Write(batch))
		batch.Release()
	}
	require.NoError(b, w.Close())
	require.NoError(b, file.Close())
	info, err := os.Stat(path)
	require.NoError(b, err)
	job.Raw = table.Raw{Files: []string{path}, Rows: benchRows, Bytes: info.Size()}
	reportPeak(b)
	return job
}

func appendOrder(b *array.RecordBuilder, i int) {
	text := func(column int, value string) { b.Field(column).(*array.StringBuilder).Append(value) }
	number := func(column int, value int) {
		b.Field(column).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(value)))
	}
	at := func(column int, from time.Time, d time.Duration) {
		b.Field(column).(*array.TimestampBuilder).Append(arrow.Timestamp(from.Add(d).UnixMicro()))
	}
	number(0, i)
	text(1, "acme")
	text(2, "eu")
	b.Field(3).(*array.Int64Builder).Append(int64(i * 7919 % 100003))
	text(4, []string{"new", "paid", "shipped", "cancelled"}[i%4])
	number(5, i*37%1000000)
	if number(6, i*13%100000); i%5 == 0 {
		b.Field(6).(*array.Decimal128Builder).SetNull(b.Field(6).Len() - 1)
	}
	b.Field(7).(*array.Int32Builder).Append(int32(i % 17))
	if i%3 == 0 {
		b.Field(8).AppendNull()
	} else {
		b.Field(8).(*array.Float64Builder).Append(float64(i%100) / 7)
	}
	if i%4 == 0 {
		b.Field(9).AppendNull()
	} else {
		text(9, fmt.Sprintf("note for order %d – café", i))
	}
	b.Field(10).(*array.Int8Builder).Append(int8(i % 2))
	b.Field(11).(*array.Date32Builder).Append(arrow.Date32(18262 + i%2000))
	at(12, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Duration(i)*time.Second)
	at(13, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), 3*time.Duration(i)*time.Second)
	text(14, fmt.Sprintf(`{"k":%d,"tags":["a","b"]}`, i))
	text(15, fmt.Sprintf("%012d", i%100000))
}
