/*
 * core/refuse_write.c: the trigger on our tables
 *
 * Our own writes go past triggers, so whatever arrives here is SQL of somebody
 * else.  Only a restore may load rows: then there is no binding, because
 * pg_dump does not carry it.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/rel.h"

#include "core/errors.h"
#include "core/environment.h"

PG_FUNCTION_INFO_V1(dbm_refuse_write);

static const char *
event_name(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return "INSERT";
	if (TRIGGER_FIRED_BY_UPDATE(event))
		return "UPDATE";
	if (TRIGGER_FIRED_BY_DELETE(event))
		return "DELETE";
	return "TRUNCATE";
}

Datum
dbm_refuse_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	DbmRow *binding;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("function _dbm_refuse_write must be called as a trigger")));

	binding = dbm_row_make(&dbm_binding_table);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) &&
		strcmp(RelationGetRelationName(trigger->tg_relation), "binding") != 0 &&
		!dbm_binding_read(binding, NULL))
		return PointerGetDatum(trigger->tg_trigtuple);

	ereport(ERROR,
			(errcode(ERRCODE_DBM_SELF_PROTECTION),
			 errmsg("cannot run %s on table \"dbmaestro.%s\"", event_name(trigger->tg_event),
					RelationGetRelationName(trigger->tg_relation)),
			 errdetail("The tables of dbmaestro are written by its functions only."),
			 errhint("Call the function for it; SELECT * FROM dbm_status(); is a good start.")));
}
