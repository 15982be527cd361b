-- spark and databricks
CREATE TABLE IF NOT EXISTS `main`.`central`.`orders` (`id` BIGINT, `total` DECIMAL(12,2), `two words` STRING, `a=b;c` STRING, `client_id` STRING, `region` STRING) USING DELTA PARTITIONED BY (`region`, `client_id`) TBLPROPERTIES ('delta.columnMapping.mode' = 'name');
