package table

// SparkCalendar is an option of DuckDB's COPY for Parquet files that Spark may read. Spark takes files of writers that it does not know for
// ones of Spark 2's calendar, as its session has it: up to 3.5 it refuses their dates before 1582-10-15 and times before 1900, or
// shifts them by days where spark.sql.parquet.datetimeRebaseModeInRead is LEGACY. A file of 3.0 or later is read as it is.
const SparkCalendar = "KV_METADATA {'org.apache.spark.version': '3.5.0'}"
