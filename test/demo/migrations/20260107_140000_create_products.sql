-- Description: Products and their prices in cents
-- Issue: SHOP-2
CREATE TABLE products (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL UNIQUE,
    title       text NOT NULL,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);
COMMENT ON COLUMN products.price_cents IS 'Gross price';
