-- The table that is loaded: 16 columns of many types (MariaDB with the SEQUENCE engine).
create database if not exists shop;
use shop;
create table orders (
  id bigint unsigned not null auto_increment primary key,
  client_id varchar(32) not null,
  region varchar(16) not null,
  customer_id bigint not null,
  status enum('new','paid','shipped','cancelled') not null,
  amount decimal(12,2) not null,
  tax decimal(12,4) null,
  quantity int not null,
  discount double null,
  note varchar(255) null,
  is_gift tinyint(1) not null default 0,
  ordered_on date not null,
  created_at datetime(6) not null,
  updated_at timestamp(6) not null default current_timestamp(6),
  payload longtext null,
  sku char(12) not null,
  key (updated_at)
) engine=innodb default charset=utf8mb4;
insert into orders (client_id,region,customer_id,status,amount,tax,quantity,discount,note,is_gift,ordered_on,created_at,updated_at,payload,sku)
select 'acme','eu', seq*7919 % 100003, elt(1+seq%4,'new','paid','shipped','cancelled'), (seq*37%1000000)/100, if(seq%5=0,null,(seq*13%100000)/10000), seq%17, if(seq%3=0,null,seq%100/7), if(seq%4=0,null,concat('note for order ',seq,' – café')), seq%2, date_add('2020-01-01', interval seq%2000 day), date_add('2020-01-01', interval seq second), date_add('2024-01-01', interval seq*3 second), concat('{"k":',seq,',"tags":["a","b"]}'), lpad(seq%100000,12,'0')
from seq_1_to_3000000;
analyze table orders;
