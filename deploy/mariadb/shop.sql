-- The shop of one client, in the current database. @seed (a number per client) makes the rows of
-- two clients differ; @customers is how many customers it has. Ids overlap between clients on
-- purpose: only client_id tells their rows apart in the lake.

CREATE TABLE customers (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(100) NOT NULL,
  email varchar(200) DEFAULT NULL,
  country char(2) NOT NULL,
  note text DEFAULT NULL,
  created_at datetime NOT NULL,
  updated_at timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  deleted_at timestamp(6) NULL DEFAULT NULL,
  KEY (updated_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE orders (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id int unsigned NOT NULL,
  status enum('draft','new','paid','shipped','cancelled') NOT NULL,
  amount decimal(12,2) NOT NULL COMMENT 'what the customer pays, tax included',
  is_gift tinyint(1) NOT NULL DEFAULT 0,
  card_number char(16) DEFAULT NULL,
  ordered_on date NOT NULL,
  updated_at timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  deleted_at timestamp(6) NULL DEFAULT NULL,
  KEY (updated_at), KEY (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE order_lines (
  order_id bigint unsigned NOT NULL,
  line smallint unsigned NOT NULL,
  sku char(8) NOT NULL,
  quantity int NOT NULL,
  unit_price decimal(10,4) NOT NULL,
  updated_at timestamp(6) NOT NULL DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6),
  deleted_at timestamp(6) NULL DEFAULT NULL,
  PRIMARY KEY (order_id, line),
  KEY (updated_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO customers (id, name, email, country, note, created_at, updated_at)
SELECT seq,
  concat(elt(1 + (seq * @seed) % 8, 'Ada', 'Björn', 'Chloé', 'Dmitri', 'Emi', 'Fatou', 'Gül', 'Hannah'), ' ',
         elt(1 + (seq + @seed) % 7, 'Adler', 'Baker', 'Costa', 'Dubois', 'Eriksen', 'Fujita', 'García')),
  if(seq % 11 = 0, NULL, concat('customer', seq, '@example.com')),
  elt(1 + (seq + @seed) % 5, 'DE', 'FR', 'US', 'JP', 'BR'),
  if(seq % 3 = 0, concat('Prefers delivery to floor ', seq % 9, ' – rings twice'), NULL),
  '2024-01-01' + INTERVAL (seq * 7 + @seed) HOUR,
  '2025-01-01' + INTERVAL (seq * 13 + @seed) MINUTE
FROM seq_1_to_100000 WHERE seq <= @customers;

INSERT INTO orders (id, customer_id, status, amount, is_gift, card_number, ordered_on, updated_at)
SELECT seq, 1 + (seq * @seed) % @customers,
  elt(1 + seq % 5, 'draft', 'new', 'paid', 'shipped', 'cancelled'),
  (seq * 37 * @seed % 100000) / 100, seq % 10 = 0, lpad(seq * 7919, 16, '4'),
  '2025-01-01' + INTERVAL (seq % 300) DAY,
  '2025-01-01' + INTERVAL (seq * 11 + @seed) MINUTE
FROM seq_1_to_100000 WHERE seq <= @customers * 5;

INSERT INTO order_lines (order_id, line, sku, quantity, unit_price, updated_at)
SELECT o.id, l.seq, lpad(o.id * l.seq % 5000, 8, 'S'), 1 + (o.id + l.seq) % 6, o.amount / (l.seq + 1), o.updated_at
FROM orders o JOIN seq_1_to_3 l ON l.seq <= 1 + o.id % 3;
