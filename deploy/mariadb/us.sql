-- The clients of region us: a database each, which Tributary may read and no more.
-- Runs once, when the server's volume is new.

CREATE DATABASE cobalt CHARACTER SET utf8mb4;
USE cobalt;
SET @seed = 11, @customers = 300;
SOURCE /sample/shop.sql
GRANT SELECT ON cobalt.* TO 'tributary'@'%';

CREATE DATABASE dune CHARACTER SET utf8mb4;
USE dune;
SET @seed = 13, @customers = 150;
SOURCE /sample/shop.sql
GRANT SELECT ON dune.* TO 'tributary'@'%';
