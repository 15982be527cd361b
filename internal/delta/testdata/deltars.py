"""What the interop tests ask of delta-rs: read DIR | query DIR | allow DIR | append DIR | make DIR. Answers in JSON."""
import datetime
import decimal
import json
import sys
import urllib.parse

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake


def plain(value):
    if isinstance(value, (datetime.datetime, datetime.date, decimal.Decimal)):
        return str(value)
    return value


def read(path):
    table = DeltaTable(path)
    rows = pa.table(table.to_pyarrow_table()).to_pylist()
    rows = [{k: plain(v) for k, v in row.items()} for row in rows]
    return {
        "version": table.version(),
        "rows": sorted(rows, key=lambda row: row["id"]),
        "partitions": table.metadata().partition_columns,
        "operations": [h.get("operation") for h in table.history()],
        "removed": len(table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True)),
    }


def query(path):
    """Reads rows as read does, through DataFusion: PyArrow's reader knows no deletion vectors."""
    found = QueryBuilder().register("t", DeltaTable(path)).execute("select * from t order by id")
    return {"rows": pa.table(found.read_all()).to_pylist()}


def allow(path):
    """Allows deletion vectors in a table that is there, as the guide says."""
    DeltaTable(path).alter.set_table_properties({"delta.enableDeletionVectors": "true"})
    return {}


def append(path):
    write_deltalake(path, pa.table({"id": pa.array([500], pa.int64()), "note": ["theirs"], "more": pa.array([None], pa.decimal128(10, 3))}), mode="append")
    return {}


def make(path):
    utc = datetime.timezone.utc
    clients = ["a b", "a/b", "50%", "ü🎉", "x=y", "#?", "p+q", None]

    def rows(first):
        return pa.table({
            "id": pa.array(range(first, first + len(clients)), pa.int64()),
            "at": pa.array([datetime.datetime(2024, 2, 29, 1, 2, 3, 456789, utc)] * len(clients), pa.timestamp("us", "UTC")),
            "amount": pa.array([decimal.Decimal("1.50")] * len(clients), pa.decimal128(12, 2)),
            "client": pa.array(clients, pa.string()),
        })

    write_deltalake(path, rows(0), partition_by=["client"])
    write_deltalake(path, rows(50), mode="append")
    write_deltalake(path, rows(100).slice(0, 1), mode="append")
    DeltaTable(path).delete("id = 100")
    table = DeltaTable(path)
    table.create_checkpoint()
    history = table.history()
    files = {}
    actions = pa.table(table.get_add_actions()).to_pylist()
    for action in actions:
        values = action.get("partition") or action.get("partition_values") or {}
        files[urllib.parse.unquote(action["path"])] = values
    return {"files": files, "checkpoint": table.version(), "times": [h["timestamp"] for h in history]}


print(json.dumps({"read": read, "query": query, "allow": allow, "append": append, "make": make}[sys.argv[1]](sys.argv[2])))
