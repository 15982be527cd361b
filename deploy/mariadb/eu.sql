-- The clients of region eu: a database each, which Tributary may read and no more.
-- Runs once, when the server's volume is new.

CREATE DATABASE acme CHARACTER SET utf8mb4;
USE acme;
SET @seed = 3, @customers = 400;
SOURCE /sample/shop.sql
GRANT SELECT ON acme.* TO 'tributary'@'%';

CREATE DATABASE bolt CHARACTER SET utf8mb4;
USE bolt;
SET @seed = 7, @customers = 250;
SOURCE /sample/shop.sql
-- What this client calls a column that all others call customer_id: see columns in clients.yaml.
ALTER TABLE orders RENAME COLUMN customer_id TO KundenNr;
GRANT SELECT ON bolt.* TO 'tributary'@'%';
