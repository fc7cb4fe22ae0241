-- Description: Vouchers, each used at most once
-- Issue: SHOP-30
CREATE TABLE vouchers (
    code           text PRIMARY KEY CHECK (code = upper(code)),
    discount_cents integer NOT NULL CHECK (discount_cents > 0),
    valid_until    date NOT NULL,
    used_by_order  bigint UNIQUE REFERENCES orders
);
