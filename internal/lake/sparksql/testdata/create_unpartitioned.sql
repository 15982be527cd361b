-- spark and databricks
CREATE TABLE IF NOT EXISTS `main`.`central`.`orders` (`id` BIGINT, `total` DECIMAL(12,2), `client_id` STRING, `region` STRING) USING DELTA;
