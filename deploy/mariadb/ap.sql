-- The clients of region ap: a database each, which Tributary may read and no more.
-- Runs once, when the server's volume is new.

CREATE DATABASE ember CHARACTER SET utf8mb4;
USE ember;
SET @seed = 17, @customers = 350;
SOURCE /sample/shop.sql
GRANT SELECT ON ember.* TO 'tributary'@'%';

CREATE DATABASE fjord CHARACTER SET utf8mb4;
USE fjord;
SET @seed = 19, @customers = 200;
SOURCE /sample/shop.sql
GRANT SELECT ON fjord.* TO 'tributary'@'%';
