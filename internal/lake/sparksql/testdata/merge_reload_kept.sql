-- spark and databricks
SELECT b, sum(n) FROM (SELECT 0 AS b, count(*) AS n, count(`id`) FROM parquet.`/staging/kept/00000.parquet` UNION ALL SELECT 0 AS b, count(*) AS n, count(`id`) FROM parquet.`/staging/kept/00001.parquet`) GROUP BY b;
SELECT `region`, `client_id`, count(*), count_if(`id` IS NULL OR `region` IS NULL OR `client_id` IS NULL), count(DISTINCT `id`, `region`, `client_id`), CAST(min(`id`) AS STRING), CAST(max(`id`) AS STRING), count_if(`__tributary_deleted`) FROM (SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`) GROUP BY `region`, `client_id`;
WITH `__tributary_staged` AS (SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`),
  `__tributary_kept` AS (SELECT TRY_CAST(`id` AS BIGINT) AS `id`, TRY_CAST('eu' AS STRING) AS `region`, TRY_CAST('acme' AS STRING) AS `client_id` FROM parquet.`/staging/kept/00000.parquet`
    UNION ALL SELECT TRY_CAST(`id` AS BIGINT) AS `id`, TRY_CAST('eu' AS STRING) AS `region`, TRY_CAST('acme' AS STRING) AS `client_id` FROM parquet.`/staging/kept/00001.parquet`)
SELECT t.`region`, t.`client_id`, count(*) FROM `main`.`central`.`orders` AS t LEFT ANTI JOIN `__tributary_source` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` LEFT ANTI JOIN `__tributary_kept` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') AND (SELECT count(*) FROM `__tributary_staged`) = 10 AND (SELECT count(*) FROM `__tributary_kept`) = 3 AND t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL GROUP BY t.`region`, t.`client_id`;

SELECT t.`region`, t.`client_id`, count(*) FROM `main`.`central`.`orders` AS t WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') GROUP BY t.`region`, t.`client_id`;
MERGE INTO `main`.`central`.`orders` AS t
USING (
  WITH `__tributary_staged` AS (SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`),
  `__tributary_kept` AS (SELECT TRY_CAST(`id` AS BIGINT) AS `id`, TRY_CAST('eu' AS STRING) AS `region`, TRY_CAST('acme' AS STRING) AS `client_id` FROM parquet.`/staging/kept/00000.parquet`
    UNION ALL SELECT TRY_CAST(`id` AS BIGINT) AS `id`, TRY_CAST('eu' AS STRING) AS `region`, TRY_CAST('acme' AS STRING) AS `client_id` FROM parquet.`/staging/kept/00001.parquet`)
  SELECT * FROM `__tributary_source`
  UNION ALL SELECT DISTINCT CAST(t.`id` AS BIGINT) AS `id`, CAST(NULL AS STRING) AS `v`, CAST(t.`client_id` AS STRING) AS `client_id`, CAST(t.`region` AS STRING) AS `region`, true AS `__tributary_deleted` FROM `main`.`central`.`orders` AS t LEFT ANTI JOIN `__tributary_source` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` LEFT ANTI JOIN `__tributary_kept` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') AND (SELECT count(*) FROM `__tributary_staged`) = 10 AND (SELECT count(*) FROM `__tributary_kept`) = 3 AND t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL
) AS s
ON t.`region` IN ('eu') AND t.`client_id` IN ('acme') AND t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id`
WHEN MATCHED AND s.`__tributary_deleted` THEN DELETE
WHEN MATCHED AND NOT (s.`v` <=> t.`v`) THEN UPDATE SET t.`v` = s.`v`
WHEN NOT MATCHED AND NOT s.`__tributary_deleted` THEN INSERT (`id`, `v`, `client_id`, `region`) VALUES (s.`id`, s.`v`, s.`client_id`, s.`region`);
WITH `__tributary_staged` AS (SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`),
  `__tributary_kept` AS (SELECT TRY_CAST(`id` AS BIGINT) AS `id`, TRY_CAST('eu' AS STRING) AS `region`, TRY_CAST('acme' AS STRING) AS `client_id` FROM parquet.`/staging/kept/00000.parquet`
    UNION ALL SELECT TRY_CAST(`id` AS BIGINT) AS `id`, TRY_CAST('eu' AS STRING) AS `region`, TRY_CAST('acme' AS STRING) AS `client_id` FROM parquet.`/staging/kept/00001.parquet`)
SELECT s.`region`, s.`client_id`, count_if(NOT t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted`), count_if(t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted` AND true AND NOT (s.`v` <=> t.`v`)), count_if(t.`client_id` IS NOT NULL AND s.`__tributary_deleted` AND true) FROM `__tributary_source` AS s LEFT JOIN (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu') AND t.`client_id` IN ('acme')) AS t ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` GROUP BY s.`region`, s.`client_id`
UNION ALL SELECT t.`region`, t.`client_id`, 0, 0, count(*) FROM (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu') AND t.`client_id` IN ('acme')) AS t LEFT ANTI JOIN `__tributary_source` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` LEFT ANTI JOIN `__tributary_kept` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') AND (SELECT count(*) FROM `__tributary_staged`) = 10 AND (SELECT count(*) FROM `__tributary_kept`) = 3 AND t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL GROUP BY t.`region`, t.`client_id`;
