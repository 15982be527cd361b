-- spark and databricks
ALTER TABLE `central`.`orders` SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name');
ALTER TABLE `central`.`orders` ADD COLUMNS (`two words` BINARY);
