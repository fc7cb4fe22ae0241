DROP INDEX orders_waiting_idx;
