-- Description: The packing table looks for paid orders every ten seconds
-- Issue: SHOP-21
CREATE INDEX orders_waiting_idx ON orders (placed_at) WHERE state = 'paid';
