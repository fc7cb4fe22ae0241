
-- The event triggers come last: from here on, every command meets the guard.
CREATE EVENT TRIGGER dbmaestro_10_start ON ddl_command_start EXECUTE FUNCTION dbmaestro._dbm_ddl_start();
CREATE EVENT TRIGGER dbmaestro_20_end ON ddl_command_end EXECUTE FUNCTION dbmaestro._dbm_ddl_end();
CREATE EVENT TRIGGER dbmaestro_30_drop ON sql_drop EXECUTE FUNCTION dbmaestro._dbm_ddl_drop();
COMMENT ON EVENT TRIGGER dbmaestro_10_start IS 'the guard''s door before a command';
COMMENT ON EVENT TRIGGER dbmaestro_20_end IS 'the guard''s door after a command';
COMMENT ON EVENT TRIGGER dbmaestro_30_drop IS 'the guard''s door after a command that dropped something';
-- Also where session_replication_role is replica, as in subscribers' workers.
ALTER EVENT TRIGGER dbmaestro_10_start ENABLE ALWAYS;
ALTER EVENT TRIGGER dbmaestro_20_end ENABLE ALWAYS;
ALTER EVENT TRIGGER dbmaestro_30_drop ENABLE ALWAYS;
