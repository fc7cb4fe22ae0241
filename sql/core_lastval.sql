-- The numbers of our own rows are none that lastval() tells the application.
\set before :DBNAME
CREATE DATABASE core_lastval;
\c core_lastval
SET client_min_messages = warning;
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT guard FROM dbm_status();
CREATE SCHEMA core_lastval;
SET search_path = core_lastval, public;

CREATE TABLE orders (id serial, note text);
CREATE TABLE lines (orders_id int);

-- a trigger that makes a partition, as some automation does
CREATE FUNCTION make_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TABLE core_lastval.part_' || NEW.id || ' ()';
    RETURN NEW;
END $$;
CREATE TRIGGER make_part BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION make_part();
INSERT INTO orders (note) VALUES ('first');
SELECT lastval() = currval('orders_id_seq') AS is_of_the_application;
DROP TABLE part_1;
SELECT lastval() = currval('orders_id_seq') AS is_of_the_application;

-- nor between the statements of a script, nor after it
SELECT outcome FROM dbm_apply('20260101_000001_lastval', $$
SET search_path = core_lastval;
INSERT INTO orders (note) VALUES ('second');
CREATE TABLE more (id int);
INSERT INTO lines VALUES (lastval());
$$);
SELECT orders_id = (SELECT max(id) FROM orders) AS is_of_the_script FROM lines;
SELECT lastval() = currval('orders_id_seq') AS is_of_the_script;

-- a role that may not read our sequences
CREATE ROLE regress_lastval;
GRANT ALL ON SCHEMA core_lastval TO regress_lastval;
GRANT ALL ON ALL TABLES IN SCHEMA core_lastval TO regress_lastval;
GRANT ALL ON ALL SEQUENCES IN SCHEMA core_lastval TO regress_lastval;
SET ROLE regress_lastval;
INSERT INTO orders (note) VALUES ('third');
SELECT lastval() = currval('orders_id_seq') AS is_of_the_application;
RESET ROLE;

\c :before
DROP DATABASE core_lastval WITH (FORCE);
DROP ROLE regress_lastval;
