"""Merges changes into a Delta table with delta-rs, and prints how long that took."""
import json
import os
import sys
import time

import pyarrow.parquet
from deltalake import DeltaTable

arg = json.loads(sys.argv[1])
table = DeltaTable(arg["table"])
source = pyarrow.parquet.read_table(arg["changes"], partitioning=None)  # in memory before the clock starts
began = time.perf_counter()
metrics = (
    table.merge(
        source,
        predicate="t.id = s.id AND t.client_id = s.client_id AND t.region = s.region AND t.region = 'eu' AND t.client_id = 'acme'",
        source_alias="s",
        target_alias="t",
    )
    .when_matched_update_all(predicate="s.updated_at >= t.updated_at")
    .when_not_matched_insert_all()
    .execute()
)
seconds = time.perf_counter() - began
assert metrics["num_target_rows_inserted"] == 50_000, metrics
assert metrics["num_target_rows_updated"] == 50_000, metrics
print(json.dumps({"seconds": seconds}), flush=True)
os._exit(0)  # Arrow's threads abort some programs in Python's teardown (apache/arrow#34314)
