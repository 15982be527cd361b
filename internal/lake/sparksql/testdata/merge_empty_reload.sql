-- spark and databricks
WITH `__tributary_staged` AS (SELECT CAST(NULL AS BIGINT) AS `id`, CAST(NULL AS STRING) AS `v`, CAST(NULL AS STRING) AS `client_id`, CAST(NULL AS STRING) AS `region`, false AS `__tributary_deleted` WHERE false),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
SELECT t.`region`, t.`client_id`, count(*) FROM `main`.`central`.`orders` AS t LEFT ANTI JOIN `__tributary_source` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') AND (SELECT count(*) FROM `__tributary_staged`) = 0 AND t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL GROUP BY t.`region`, t.`client_id`;

SELECT t.`region`, t.`client_id`, count(*) FROM `main`.`central`.`orders` AS t WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') GROUP BY t.`region`, t.`client_id`;
MERGE INTO `main`.`central`.`orders` AS t
USING (
  WITH `__tributary_staged` AS (SELECT CAST(NULL AS BIGINT) AS `id`, CAST(NULL AS STRING) AS `v`, CAST(NULL AS STRING) AS `client_id`, CAST(NULL AS STRING) AS `region`, false AS `__tributary_deleted` WHERE false),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
  SELECT * FROM `__tributary_source`
  UNION ALL SELECT DISTINCT CAST(t.`id` AS BIGINT) AS `id`, CAST(NULL AS STRING) AS `v`, CAST(t.`client_id` AS STRING) AS `client_id`, CAST(t.`region` AS STRING) AS `region`, true AS `__tributary_deleted` FROM `main`.`central`.`orders` AS t LEFT ANTI JOIN `__tributary_source` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') AND (SELECT count(*) FROM `__tributary_staged`) = 0 AND t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL
) AS s
ON t.`region` IN ('eu') AND t.`client_id` IN ('acme') AND t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id`
WHEN MATCHED AND s.`__tributary_deleted` THEN DELETE
WHEN MATCHED AND NOT (s.`v` <=> t.`v`) THEN UPDATE SET t.`v` = s.`v`
WHEN NOT MATCHED AND NOT s.`__tributary_deleted` THEN INSERT (`id`, `v`, `client_id`, `region`) VALUES (s.`id`, s.`v`, s.`client_id`, s.`region`);
WITH `__tributary_staged` AS (SELECT CAST(NULL AS BIGINT) AS `id`, CAST(NULL AS STRING) AS `v`, CAST(NULL AS STRING) AS `client_id`, CAST(NULL AS STRING) AS `region`, false AS `__tributary_deleted` WHERE false),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
SELECT s.`region`, s.`client_id`, count_if(NOT t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted`), count_if(t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted` AND true AND NOT (s.`v` <=> t.`v`)), count_if(t.`client_id` IS NOT NULL AND s.`__tributary_deleted` AND true) FROM `__tributary_source` AS s LEFT JOIN (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu') AND t.`client_id` IN ('acme')) AS t ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` GROUP BY s.`region`, s.`client_id`
UNION ALL SELECT t.`region`, t.`client_id`, 0, 0, count(*) FROM (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu') AND t.`client_id` IN ('acme')) AS t LEFT ANTI JOIN `__tributary_source` AS s ON t.`id` = s.`id` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` WHERE (t.`region` = 'eu' AND t.`client_id` = 'acme') AND (SELECT count(*) FROM `__tributary_staged`) = 0 AND t.`id` IS NOT NULL AND t.`region` IS NOT NULL AND t.`client_id` IS NOT NULL GROUP BY t.`region`, t.`client_id`;
