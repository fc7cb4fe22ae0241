-- Description: An order gets its time when it is placed, whoever writes it
-- Issue: SHOP-15
CREATE FUNCTION stamp_placed_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'placed' AND NEW.placed_at IS NULL THEN
        NEW.placed_at := now();
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER stamp_placed_order BEFORE INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION stamp_placed_order();
