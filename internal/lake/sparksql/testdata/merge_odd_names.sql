-- spark and databricks
SELECT `region`, `client_id`, count(*), count_if(`a``b` IS NULL OR `region` IS NULL OR `client_id` IS NULL), count(DISTINCT `a``b`, `region`, `client_id`), CAST(min(`a``b`) AS STRING), CAST(max(`a``b`) AS STRING), count_if(`__tributary_deleted`) FROM (SELECT `a``b` AS `a``b`, `two words` AS `two words`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`) GROUP BY `region`, `client_id`;
MERGE INTO `main`.`central`.`orders` AS t
USING (
  WITH `__tributary_staged` AS (SELECT `a``b` AS `a``b`, `two words` AS `two words`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
  SELECT * FROM `__tributary_source`
) AS s
ON t.`region` IN ('eu') AND t.`client_id` IN ('acme') AND t.`a``b` BETWEEN 1 AND 10 AND t.`a``b` = s.`a``b` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id`
WHEN MATCHED AND NOT (s.`two words` <=> t.`two words`) THEN UPDATE SET t.`two words` = s.`two words`
WHEN NOT MATCHED AND NOT s.`__tributary_deleted` THEN INSERT (`a``b`, `two words`, `client_id`, `region`) VALUES (s.`a``b`, s.`two words`, s.`client_id`, s.`region`);
WITH `__tributary_staged` AS (SELECT `a``b` AS `a``b`, `two words` AS `two words`, `client_id` AS `client_id`, `region` AS `region`, false AS `__tributary_deleted` FROM parquet.`/staging/bacme/00000.parquet`),
  `__tributary_source` AS (SELECT * FROM `__tributary_staged`)
SELECT s.`region`, s.`client_id`, count_if(NOT t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted`), count_if(t.`client_id` IS NOT NULL AND NOT s.`__tributary_deleted` AND true AND NOT (s.`two words` <=> t.`two words`)), count_if(t.`client_id` IS NOT NULL AND s.`__tributary_deleted` AND true) FROM `__tributary_source` AS s LEFT JOIN (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 6 AS t WHERE t.`region` IN ('eu') AND t.`client_id` IN ('acme')) AS t ON t.`a``b` = s.`a``b` AND t.`region` = s.`region` AND t.`client_id` = s.`client_id` GROUP BY s.`region`, s.`client_id`;
