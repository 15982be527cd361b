-- spark and databricks
ALTER TABLE `central`.`orders` ADD COLUMNS (`note` STRING COMMENT 'it\'s \u0024{odd} \\ "text"', `a``b` BINARY);
