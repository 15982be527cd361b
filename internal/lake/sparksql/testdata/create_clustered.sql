-- spark
-- schemas do not fit: spark has no liquid clustering: use partition_by instead of cluster_by;

-- databricks
CREATE TABLE IF NOT EXISTS `main`.`central`.`orders` (`id` BIGINT, `total` DECIMAL(12,2), `client_id` STRING, `region` STRING) USING DELTA CLUSTER BY (`client_id`, `id`) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true');
