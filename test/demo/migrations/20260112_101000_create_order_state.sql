-- Description: The states an order goes through
-- Issue: SHOP-5
CREATE TYPE order_state AS ENUM ('cart', 'placed', 'paid', 'shipped', 'cancelled');
