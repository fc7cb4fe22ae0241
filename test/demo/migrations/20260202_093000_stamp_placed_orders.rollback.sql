DROP TRIGGER stamp_placed_order ON orders;
DROP FUNCTION stamp_placed_order();
