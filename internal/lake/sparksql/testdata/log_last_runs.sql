-- spark
SELECT `schema`, `client_id`, `table_name`, `region`, `sync`, `last_sync_timestamp`, `watermark`, `cursor_kind`, `rows`, `status`, `error`, `run_id`, `started_at`, `finished_at` FROM `main`.`central`.`sync_log` WHERE `schema` = 'main.central';
SELECT `schema`, `client_id`, `table_name`, `region`, `sync`, `last_sync_timestamp`, `watermark`, `cursor_kind`, `rows`, `status`, `error`, `run_id`, `started_at`, `finished_at` FROM `central`.`sync_log` WHERE `schema` = 'central' AND `sync` = 'daily' AND `region` = 'eu' AND `client_id` = 'o\'neil\\' AND `table_name` IN ('orders', 'it\'s');
SELECT `schema`, `client_id`, `table_name`, `region`, `sync`, `last_sync_timestamp`, `watermark`, `cursor_kind`, `rows`, `status`, `error`, `run_id`, `started_at`, `finished_at` FROM `central`.`sync_log` WHERE `schema` = 'central' AND `client_id` IN ('acme', 'o\'neil') AND `table_name` IN ('orders');

-- databricks
SELECT `schema`, `client_id`, `table_name`, `region`, `sync`, `last_sync_timestamp`, `watermark`, `cursor_kind`, `rows`, `status`, `error`, `run_id`, `started_at`, `finished_at` FROM `main`.`central`.`sync_log` WHERE `schema` = 'main.central';
SELECT `schema`, `client_id`, `table_name`, `region`, `sync`, `last_sync_timestamp`, `watermark`, `cursor_kind`, `rows`, `status`, `error`, `run_id`, `started_at`, `finished_at` FROM `central`.`sync_log` WHERE `schema` = 'central' AND `sync` = ? AND `region` = ? AND `client_id` = ? AND `table_name` IN (?, ?);
-- value 1: string daily
-- value 2: string eu
-- value 3: string o'neil\
-- value 4: string orders
-- value 5: string it's
SELECT `schema`, `client_id`, `table_name`, `region`, `sync`, `last_sync_timestamp`, `watermark`, `cursor_kind`, `rows`, `status`, `error`, `run_id`, `started_at`, `finished_at` FROM `central`.`sync_log` WHERE `schema` = 'central' AND `client_id` IN (?, ?) AND `table_name` IN (?);
-- value 1: string acme
-- value 2: string o'neil
-- value 3: string orders
