-- spark and databricks
SELECT `region`, `client_id`, count(*), count_if(`id` IS NULL OR `region` IS NULL OR `client_id` IS NULL), count(DISTINCT `id`, `region`, `client_id`), CAST(min(`id`) AS STRING), CAST(max(`id`) AS STRING), count_if(`__tributary_deleted`) FROM (SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, CAST(NULL AS DECIMAL(20,0)) AS `n`, false AS `__tributary_deleted` FROM parquet.`/staging/{bacme/00000.parquet,binitech/00000.parquet}`
  UNION ALL SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, CAST(`n` AS DECIMAL(20,0)) AS `n`, false AS `__tributary_deleted` FROM parquet.`/staging/bglobex/00000.parquet`
  UNION ALL SELECT `id` AS `id`, `v` AS `v`, `client_id` AS `client_id`, `region` AS `region`, `N` AS `n`, false AS `__tributary_deleted` FROM parquet.`/staging/bhooli/00000.parquet`) GROUP BY `region`, `client_id`;
MERGE INTO `main`.`central`.`orders` AS t
USING (
  WITH `__tributary_staged` AS (SELECT `id` AS `id`, `v` AS `v`, CAST(NULL AS DECIMAL(20,0)) AS `n`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/{bacme/00000.parquet,binitech/00000.parquet}`
    UNION ALL SELECT `id` AS `id`, `v` AS `v`, CAST(`n` AS DECIMAL(20,0)) AS `n`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bglobex/00000.parquet`
    UNION ALL SELECT `id` AS `id`, `v` AS `v`, `N` AS `n`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bhooli/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
  SELECT * FROM `__tributary_source`
) AS s
ON t.`region` IN ('eu', 'us') AND t.`client_id` IN ('acme', 'globex', 'hooli', 'initech') AND t.`id` BETWEEN 1 AND 10 AND t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id`
WHEN MATCHED AND NOT (s.`v` <=> t.`v` AND s.`n` <=> t.`n`) THEN UPDATE SET t.`v` = s.`v`, t.`n` = s.`n`
WHEN NOT MATCHED AND NOT s.`__tributary_deleted` THEN INSERT (`id`, `v`, `n`, `client_id`, `region`) VALUES (s.`id`, s.`v`, s.`n`, s.`client_id`, s.`region`);
WITH `__tributary_staged` AS (SELECT `id` AS `id`, `v` AS `v`, CAST(NULL AS DECIMAL(20,0)) AS `n`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/{bacme/00000.parquet,binitech/00000.parquet}`
    UNION ALL SELECT `id` AS `id`, `v` AS `v`, CAST(`n` AS DECIMAL(20,0)) AS `n`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bglobex/00000.parquet`
    UNION ALL SELECT `id` AS `id`, `v` AS `v`, `N` AS `n`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bhooli/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
SELECT s.`region`, s.`client_id`, count_if(NOT t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted`), count_if(t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted` AND true AND NOT (s.`v` <=> t.`v` AND s.`n` <=> t.`n`)), count_if(t.`client_id` IS NOT NULL AND s.`__tributary_deleted` AND true) FROM `__tributary_source` AS s LEFT JOIN (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu', 'us') AND t.`client_id` IN ('acme', 'globex', 'hooli', 'initech')) AS t ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` GROUP BY s.`region`, s.`client_id`;
