-- spark and databricks
DESCRIBE TABLE EXTENDED `main`.`central`.`orders`;
DESCRIBE DETAIL `main`.`central`.`orders`;
DESCRIBE HISTORY `main`.`central`.`orders`;
DESCRIBE HISTORY `main`.`central`.`orders` LIMIT 20;
SHOW TABLES IN `main`.`central`;
