-- Description: Customers may have several addresses, one of them preferred
-- Issue: SHOP-24
BEGIN;
CREATE TABLE addresses (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    lines       text[] NOT NULL,
    country     char(2) NOT NULL,
    preferred   boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX addresses_preferred_key ON addresses (customer_id) WHERE preferred;
ALTER TABLE orders ADD COLUMN address_id bigint REFERENCES addresses;
COMMIT;
