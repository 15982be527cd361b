-- spark and databricks
SELECT `region`, `client_id`, count(*), count_if(`id` IS NULL OR `region` IS NULL OR `client_id` IS NULL), count(DISTINCT `id`, `region`, `client_id`), CAST(min(`id`) AS STRING), CAST(max(`id`) AS STRING), count_if(`__tributary_deleted`) FROM (SELECT `id` AS `id`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`) GROUP BY `region`, `client_id`;
MERGE INTO `main`.`central`.`orders` AS t
USING (
  WITH `__tributary_staged` AS (SELECT `id` AS `id`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
  SELECT * FROM `__tributary_source`
) AS s
ON t.`region` IN ('eu') AND t.`client_id` IN ('acme') AND t.`id` BETWEEN 1 AND 10 AND t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id`
WHEN NOT MATCHED AND NOT s.`__tributary_deleted` THEN INSERT (`id`, `client_id`, `region`) VALUES (s.`id`, s.`client_id`, s.`region`);
WITH `__tributary_staged` AS (SELECT `id` AS `id`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
SELECT s.`region`, s.`client_id`, count_if(NOT t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted`), count_if(t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted` AND true AND false), count_if(t.`client_id` IS NOT NULL AND s.`__tributary_deleted` AND true) FROM `__tributary_source` AS s LEFT JOIN (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu') AND t.`client_id` IN ('acme')) AS t ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` GROUP BY s.`region`, s.`client_id`;
