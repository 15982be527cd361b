"""Loads the table orders into a Delta table with dlt and its ConnectorX backend, its fastest, and prints how long the run took.

The argument is JSON: {"url": SQLAlchemy URL of the database, "dir": folder for the Delta table and dlt's own state, "rows": how many there are}.
"""

import json
import os
import sys
import time

arg = json.loads(sys.argv[1])
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
os.environ["DESTINATION__FILESYSTEM__BUCKET_URL"] = "file://" + os.path.join(arg["dir"], "lake")

import dlt  # noqa: E402: after its settings
from dlt.sources.sql_database import sql_table  # noqa: E402

resource = sql_table(arg["url"], table="orders", backend="connectorx", reflection_level="full_with_precision",
                     backend_kwargs={"conn": arg["url"].replace("mysql+pymysql", "mysql")})
resource.apply_hints(table_format="delta", write_disposition="replace")
pipeline = dlt.pipeline("bench", pipelines_dir=os.path.join(arg["dir"], "state"), destination="filesystem", dataset_name="central")

began = time.perf_counter()
pipeline.run(resource)
seconds = time.perf_counter() - began

from deltalake import DeltaTable  # noqa: E402: counting is not part of what is measured

rows = DeltaTable(os.path.join(arg["dir"], "lake", "central", "orders")).to_pyarrow_dataset().count_rows()
if rows != arg["rows"]:
    sys.exit(f"dlt loaded {rows} rows of {arg['rows']}")
print(json.dumps({"seconds": seconds}), flush=True)
os._exit(0)  # Arrow's threads abort some programs in Python's teardown (apache/arrow#34314)
