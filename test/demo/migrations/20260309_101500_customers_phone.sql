-- Description: Carriers want a telephone number
-- Issue: SHOP-33
ALTER TABLE customers ADD COLUMN phone text;
COMMENT ON COLUMN customers.phone IS 'As the customer wrote it';
