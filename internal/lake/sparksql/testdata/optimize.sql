-- spark and databricks
OPTIMIZE `main`.`central`.`orders`;
OPTIMIZE `main`.`central`.`orders` WHERE `client_id` IN ('o\'neil') AND `region` IN ('eu', 'us') ZORDER BY (`id`, `two words`);
