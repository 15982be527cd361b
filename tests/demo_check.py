"""Compares the lake of a demo, as delta-rs reads it, with the shops' rows, value by value.

    demo_check.py DIR    DIR as `make demo ARGS="--once --dir DIR"` left it

DIR/sources has every shop's rows as text. What demo/config/daily.yaml makes of them is said here a
second time, on purpose: nothing of the product takes part in the comparison but the files it wrote.
"""

import hashlib
import json
import sys
from collections import Counter
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable

TABLES = {
    "customers": {
        "id": pa.int64(), "name": pa.string(), "email": pa.string(), "country": pa.string(), "preferences": pa.string(),
        "note": pa.string(), "created_at": pa.timestamp("us", "UTC"),
    },
    "orders": {
        "id": pa.decimal128(20, 0), "customer_id": pa.int64(), "status": pa.string(), "amount": pa.decimal128(12, 2),
        "is_gift": pa.int8(), "ordered_on": pa.date32(),
    },
    "order_lines": {
        "order_id": pa.decimal128(20, 0), "line": pa.int32(), "sku": pa.string(), "quantity": pa.int32(),
        "unit_price": pa.decimal128(10, 4),
    },
    "products": {
        "sku": pa.string(), "name": pa.string(), "price": pa.decimal128(10, 4), "weight_kg": pa.float64(),
        "discontinued_on": pa.date32(),
    },
}
CHANGED = {"updated_at": pa.timestamp("us", "UTC"), "deleted_at": pa.timestamp("us", "UTC")}
OWNER = {"client_id": pa.string(), "region": pa.string()}
LOGS = {"sync_log", "sync_runs"}


def columns_of(table):
    return {**TABLES[table], **({} if table == "products" else CHANGED), **OWNER}


def value_of(text, kind):
    """The value that a source's text stands for, in the type that the lake has it in."""
    if text is None:
        return None
    if pa.types.is_decimal(kind):
        return Decimal(text)
    if pa.types.is_timestamp(kind):
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    if pa.types.is_date(kind):
        return date.fromisoformat(text)
    if pa.types.is_integer(kind):
        return int(text)
    if pa.types.is_floating(kind):
        return float(text)
    return text


def belongs(table, row, client):
    """Whether a source row belongs in the lake."""
    if row.get("deleted_at") is not None or row.get("client_id", client) != client:
        return False
    return table != "orders" or (row["status"] != "draft" and Decimal(row["amount"]) >= 0)


def transformed(table, row, salt):
    if table == "customers":
        if row["email"] is not None:
            row["email"] = hashlib.sha256((salt + row["email"]).encode()).hexdigest()
        if row["note"] is not None:
            row["note"] = row["note"].strip(" ") or None
    return row


def expected(folder, table, salt):
    rows = Counter()
    for client in json.loads((folder / "sources" / "clients.json").read_text()):
        common = client["columns"] or {}
        with open(folder / "sources" / client["id"] / f"{table}.jsonl", encoding="utf-8") as lines:
            for line in lines:
                row = {common.get(name, name): value for name, value in json.loads(line).items()}
                if not belongs(table, row, client["id"]):
                    continue
                row = transformed(table, row, salt)
                row.update(client_id=client["id"], region=client["region"])
                rows[tuple(value_of(row[name], kind) for name, kind in columns_of(table).items())] += 1
    return rows


def actual(path, table):
    lake = pa.table(DeltaTable(str(path)).to_pyarrow_table())
    kinds = {field.name: narrow(field.type) for field in lake.schema}
    if kinds != columns_of(table):
        raise SystemExit(f"{table}: the lake's columns are {kinds}, not {columns_of(table)}")
    return Counter(zip(*(lake.column(name).to_pylist() for name in columns_of(table))))


def narrow(kind):
    """Views and large strings are strings: how a reader holds them is its own business."""
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind


def main(folder):
    salt = (folder / "secrets" / "pii-salt").read_text().rstrip("\n")
    central = folder / "lake" / "central"
    found = {path.name for path in central.iterdir() if (path / "_delta_log").is_dir()} - LOGS
    if found != set(TABLES):
        raise SystemExit(f"the lake has the tables {sorted(found)}, not {sorted(TABLES)}")
    for table in TABLES:
        want, have = expected(folder, table, salt), actual(central / table, table)
        if want != have or not want:
            missing, surplus = want - have, have - want
            raise SystemExit(
                f"{table}: {missing.total()} rows of the sources are not in the lake, {surplus.total()} of the lake in no source\n"
                f"  missing: {next(iter(missing), None)}\n  surplus: {next(iter(surplus), None)}"
            )
        print(f"{table}: {want.total()} rows equal")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
