-- spark and databricks
VACUUM `main`.`central`.`orders` RETAIN 168 HOURS;
VACUUM `main`.`central`.`orders` RETAIN 1.5 HOURS;
