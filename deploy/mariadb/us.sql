-- The clients of region us: a database each, which Tributary may read and no more.
-- Runs once, when the server's volume is new.

CREATE DATABASE cactus CHARACTER SET utf8mb4;
USE cactus;
SET @seed = 11, @customers = 300;
SOURCE /sample/shop.sql
GRANT SELECT ON cactus.* TO 'tributary'@'%';

CREATE DATABASE delta CHARACTER SET utf8mb4;
USE delta;
SET @seed = 13, @customers = 150;
SOURCE /sample/shop.sql
GRANT SELECT ON delta.* TO 'tributary'@'%';
