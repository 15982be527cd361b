-- spark and databricks
CREATE TABLE IF NOT EXISTS `main`.`central`.`orders` (`id` BIGINT, `total` DECIMAL(12,2), `note` STRING COMMENT 'it\'s \u0024{odd} \\ "text"', `client_id` STRING, `region` STRING) USING DELTA PARTITIONED BY (`region`, `client_id`) COMMENT 'it\'s \u0024{odd} \\ "text"' TBLPROPERTIES ('delta.appendOnly' = 'false', 'tributary.owner' = 'o\'neil');
