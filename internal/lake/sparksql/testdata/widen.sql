-- spark and databricks
ALTER TABLE `central`.`orders` SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true');
ALTER TABLE `central`.`orders` ALTER COLUMN `id` TYPE DECIMAL(20,0);
ALTER TABLE `central`.`orders` ALTER COLUMN `total` TYPE DECIMAL(14,2);
