-- spark and databricks
WITH `orders` AS (SELECT * FROM `main`.`central`.`orders` VERSION AS OF 7), `odd``name` AS (SELECT * FROM `main`.`central`.`odd``name` VERSION AS OF 0)
(SELECT id FROM orders -- all
);
