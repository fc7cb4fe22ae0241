ALTER TABLE products DROP COLUMN in_stock;
