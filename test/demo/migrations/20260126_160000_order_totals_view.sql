-- Description: What each order comes to
-- Issue: SHOP-12
CREATE VIEW order_totals AS
    SELECT o.id, o.customer_id, o.state,
           coalesce(sum(i.quantity * i.price_cents), 0) AS total_cents
      FROM orders AS o LEFT JOIN order_items AS i ON i.order_id = o.id
     GROUP BY o.id;
COMMENT ON VIEW order_totals IS 'One row per order';
