-- Triggers that put themselves off again are found on any table, however and whenever it came
-- to have a deferrable trigger: this session has looked for such tables before.
\set before :DBNAME
CREATE DATABASE ledger_deferrable;
\c ledger_deferrable
CREATE EXTENSION dbmaestro;
SELECT dbm_init('dev');
SELECT dbm_configure('change_name_pattern', '.*');
-- what it queues while the deferred constraints fire is still queued when they have fired
CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.i > 0 THEN
        SET CONSTRAINTS ALL DEFERRED;
        EXECUTE format('INSERT INTO %s VALUES (%s)', TG_RELID::regclass, NEW.i - 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TABLE plain (i int);
CREATE TABLE before_all (i int);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON before_all DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off();
SELECT outcome FROM dbm_apply('00', 'INSERT INTO plain VALUES (1); INSERT INTO before_all VALUES (0)');
SELECT dbm_apply('01', 'INSERT INTO before_all VALUES (1)');
\echo :LAST_ERROR_SQLSTATE
-- made in the run, and in the session outside of one
SELECT dbm_apply('02', 'CREATE TABLE in_run (i int); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON in_run DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off(); INSERT INTO in_run VALUES (1)');
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off();
SELECT dbm_apply('03', 'INSERT INTO plain VALUES (1)');
-- gone with its table, or with the transaction: no longer looked for
DROP TRIGGER t ON plain;
SELECT outcome FROM dbm_apply('04', 'INSERT INTO plain VALUES (1)');
BEGIN;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off();
ROLLBACK;
SELECT outcome FROM dbm_apply('05', 'INSERT INTO plain VALUES (1)');
BEGIN;
SELECT outcome FROM dbm_apply('06', 'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off()');
SAVEPOINT s;
SELECT dbm_apply('07', 'INSERT INTO plain VALUES (1)');
ROLLBACK TO s;
ROLLBACK;
SELECT outcome FROM dbm_apply('07', 'INSERT INTO plain VALUES (1)');
-- a constraint that becomes deferrable, whose trigger leads to the one that puts off
CREATE TABLE parent (i int PRIMARY KEY);
CREATE TABLE child (i int, CONSTRAINT key FOREIGN KEY (i) REFERENCES parent);
SELECT outcome FROM dbm_apply('08', 'SELECT 1');
SELECT outcome FROM dbm_apply('09', 'ALTER TABLE child ALTER CONSTRAINT key DEFERRABLE INITIALLY DEFERRED');
CREATE TABLE leads (i int);
CREATE FUNCTION lead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL DEFERRED; INSERT INTO child VALUES (7); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON leads DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lead();
SELECT dbm_apply('10', 'INSERT INTO leads VALUES (1)');
-- a partition, its parent's trigger
CREATE TABLE whole (i int) PARTITION BY LIST (i);
CREATE TABLE part PARTITION OF whole DEFAULT;
SELECT outcome FROM dbm_apply('11', 'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON whole DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off()');
SELECT dbm_apply('12', 'INSERT INTO whole VALUES (1)');
SELECT outcome FROM dbm_apply('13', 'CREATE TABLE late (i int); ALTER TABLE whole DETACH PARTITION part; ALTER TABLE whole ATTACH PARTITION late DEFAULT');
SELECT dbm_apply('14', 'INSERT INTO late VALUES (1)');
SELECT outcome FROM dbm_apply('15', 'INSERT INTO part VALUES (1)');
-- more tables changed at once than are looked at one by one
SELECT outcome FROM dbm_apply('16', 'DO $d$ BEGIN FOR n IN 1..100 LOOP EXECUTE format(''CREATE TABLE many_%s (i int)'', n); END LOOP; END $d$; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON many_100 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off()');
SELECT dbm_apply('17', 'INSERT INTO many_100 VALUES (1)');
SELECT change FROM dbmaestro.change WHERE state = 'applied' ORDER BY change;
\c :before
DROP DATABASE ledger_deferrable WITH (FORCE);
