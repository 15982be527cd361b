-- spark and databricks
CREATE TABLE IF NOT EXISTS `main`.`central`.`odd``name` (`id` BIGINT, `total` DECIMAL(12,2), `Größe` STRING, `back``tick` STRING, `a.b` STRING, `select` STRING, `client_id` STRING, `region` STRING) USING DELTA PARTITIONED BY (`region`, `client_id`);
