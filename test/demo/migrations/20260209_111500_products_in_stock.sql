-- Description: How many of each product are in the warehouse
-- Issue: SHOP-18
ALTER TABLE products ADD COLUMN in_stock integer NOT NULL DEFAULT 0 CHECK (in_stock >= 0);
