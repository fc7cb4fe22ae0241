/*
 * schema/kind_trigger.c: triggers, rules, policies; the query of a view
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "rewrite/rewriteDefine.h"
#include "rewrite/rewriteSupport.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"

#include "schema/names.h"
#include "schema/properties.h"
#include "schema/relation.h"

/* ---- triggers ---- */

static void
put_trigger_events(StringInfo body, int16 type)
{
	if (TRIGGER_FOR_BEFORE(type))
		dbm_body_text(body, "timing", "before");
	else if (TRIGGER_FOR_INSTEAD(type))
		dbm_body_text(body, "timing", "instead of");
	else
		dbm_body_text(body, "timing", "after");
	dbm_body_flag(body, "insert", TRIGGER_FOR_INSERT(type));
	dbm_body_flag(body, "delete", TRIGGER_FOR_DELETE(type));
	dbm_body_flag(body, "update", TRIGGER_FOR_UPDATE(type));
	dbm_body_flag(body, "truncate", TRIGGER_FOR_TRUNCATE(type));
	dbm_body_flag(body, "for_each_row", TRIGGER_FOR_ROW(type));
}

/* Arguments are stored as strings one after another, each ended by a zero byte. */
static void
put_trigger_arguments(StringInfo body, HeapTuple tuple, TupleDesc descriptor, int count)
{
	bytea *stored;
	const char *at;

	if (count == 0)
		return;
	stored = DatumGetByteaPP(dbm_tuple_datum(tuple, descriptor, Anum_pg_trigger_tgargs));
	at = VARDATA_ANY(stored);
	for (int argument = 0; argument < count; argument++)
	{
		dbm_body_text(body, "argument", at);
		at += strlen(at) + 1;
	}
}

static void
put_transition_table(StringInfo body, const char *tag, HeapTuple tuple, TupleDesc descriptor,
					 AttrNumber column)
{
	bool is_null;
	Datum name = dbm_tuple_value(tuple, descriptor, column, &is_null);

	if (!is_null)
		dbm_body_text(body, tag, NameStr(*DatumGetName(name)));
}

static void
put_trigger(DbmPass *pass, StringInfo body, DbmRelation *relation, HeapTuple tuple,
			TupleDesc descriptor)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	char *condition = dbm_tuple_text(tuple, descriptor, Anum_pg_trigger_tgqual);

	dbm_body_text(body, "function", dbm_procedure_identity(form->tgfoid));
	put_trigger_events(body, form->tgtype);
	dbm_put_column_names(body, "update_of", relation, form->tgattr.values, form->tgattr.dim1);
	put_trigger_arguments(body, tuple, descriptor, form->tgnargs);
	if (condition)
		dbm_body_text(body, "when", dbm_deparse_trigger_condition(condition, &relation->columns));
	put_transition_table(body, "old_table", tuple, descriptor, Anum_pg_trigger_tgoldtable);
	put_transition_table(body, "new_table", tuple, descriptor, Anum_pg_trigger_tgnewtable);
	if (OidIsValid(form->tgconstraint))
	{
		dbm_body_flag(body, "constraint", true);
		dbm_body_flag(body, "deferrable", form->tgdeferrable);
		dbm_body_flag(body, "deferred", form->tginitdeferred);
		if (OidIsValid(form->tgconstrrelid))
			dbm_body_text(body, "from", dbm_relation_identity(pass, form->tgconstrrelid));
	}
	if (form->tgenabled != TRIGGER_FIRES_ON_ORIGIN)
		dbm_body_letter(body, "enabled", form->tgenabled);
	dbm_put_remarks(pass, body, TriggerRelationId, form->oid, 0);
	dbm_put_extension_links(pass, body, TriggerRelationId, form->oid);
}

/*
 * A partition's copy of its parent's trigger is derived, unless somebody
 * switched the copy alone.
 */
static bool
is_own_trigger(DbmPass *pass, Form_pg_trigger form)
{
	HeapTuple parent;

	if (form->tgisinternal)
		return false;
	if (!OidIsValid(form->tgparentid))
		return true;
	parent = dbm_row_copied(dbm_pass_reader(pass), DBM_TRIGGER_BY_OID, form->tgparentid, NULL);
	return parent && ((Form_pg_trigger) GETSTRUCT(parent))->tgenabled != form->tgenabled;
}

void
dbm_describe_triggers(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows;
	HeapTuple tuple;

	if (!relation->form->relhastriggers)
		return;
	rows = dbm_rows(dbm_pass_reader(pass), DBM_TRIGGER_OF_RELATION, relation->oid);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
		DbmDraft *draft;

		dbm_pass_member(pass, TriggerRelationId, form->oid);
		if (!is_own_trigger(pass, form))
			continue;
		draft = dbm_draft_begin(pass, "trigger",
								dbm_identity_on(NameStr(form->tgname), relation->identity));
		put_trigger(pass, draft->body, relation, tuple,
					dbm_source_descriptor(dbm_pass_reader(pass), DBM_TRIGGER_OF_RELATION));
		dbm_draft_end(pass, draft);
	}
}

void
dbm_name_triggers(DbmPass *pass, StringInfo names, DbmRelation *relation)
{
	DbmRows *rows;
	HeapTuple tuple;

	if (relation->form->relkind != RELKIND_PARTITIONED_TABLE || !relation->form->relhastriggers)
		return;
	rows = dbm_rows(dbm_pass_reader(pass), DBM_TRIGGER_OF_RELATION, relation->oid);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		if (!form->tgisinternal)
			appendStringInfo(names, "%u %c ", form->oid, form->tgenabled);
	}
}

/* ---- rules and views ---- */

static bool
is_view_query(DbmRelation *relation, Form_pg_rewrite form)
{
	return strcmp(NameStr(form->rulename), ViewSelectRuleName) == 0 &&
		   (relation->form->relkind == RELKIND_VIEW || relation->form->relkind == RELKIND_MATVIEW);
}

void
dbm_describe_rules(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows;
	HeapTuple tuple;

	if (!relation->form->relhasrules)
		return;
	rows = dbm_rows(dbm_pass_reader(pass), DBM_REWRITE_OF_RELATION, relation->oid);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_rewrite form = (Form_pg_rewrite) GETSTRUCT(tuple);
		DbmDraft *draft;

		dbm_pass_member(pass, RewriteRelationId, form->oid);
		if (is_view_query(relation, form))
			continue;
		draft = dbm_draft_begin(pass, "rule",
								dbm_identity_on(NameStr(form->rulename), relation->identity));
		dbm_deparse_note(dbm_rows_text(rows, Anum_pg_rewrite_ev_qual));
		dbm_deparse_note(dbm_rows_text(rows, Anum_pg_rewrite_ev_action));
		dbm_body_text(
			draft->body, "definition",
			TextDatumGetCString(DirectFunctionCall1(pg_get_ruledef, ObjectIdGetDatum(form->oid))));
		if (form->ev_enabled != RULE_FIRES_ON_ORIGIN)
			dbm_body_letter(draft->body, "enabled", form->ev_enabled);
		dbm_put_remarks(pass, draft->body, RewriteRelationId, form->oid, 0);
		dbm_draft_end(pass, draft);
	}
}

void
dbm_put_view(DbmPass *pass, StringInfo body, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_REWRITE_OF_RELATION, relation->oid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		char *action;

		if (!is_view_query(relation, (Form_pg_rewrite) GETSTRUCT(tuple)))
			continue;
		action = dbm_rows_text(rows, Anum_pg_rewrite_ev_action);
		dbm_rows_stop(rows);
		dbm_body_text(body, "query", dbm_deparse_view(action, &relation->columns));
		return;
	}
	/* a view in the making: its rule comes with the next command */
}

/* ---- policies ---- */

static void
put_policy_roles(DbmPass *pass, StringInfo body, Datum roles)
{
	ArrayType *array = DatumGetArrayTypeP(roles);
	int count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const Oid *oids = (const Oid *) ARR_DATA_PTR(array);
	char **names = palloc(sizeof(char *) * Max(count, 1));
	int named = 0;

	/* PUBLIC is the role with number zero, and the default */
	for (int at = 0; at < count; at++)
		if (OidIsValid(oids[at]))
			names[named++] = (char *) dbm_role_name(pass, oids[at]);
	dbm_sort_strings(names, named);
	for (int at = 0; at < named; at++)
		dbm_body_text(body, "role", names[at]);
}

static void
put_policy(DbmPass *pass, StringInfo body, DbmRelation *relation, DbmRows *rows,
		   Form_pg_policy form)
{
	char *expression;
	bool is_null;

	if (form->polcmd != '*')
		dbm_body_letter(body, "command", form->polcmd);
	dbm_body_flag(body, "restrictive", !form->polpermissive);
	put_policy_roles(pass, body, dbm_rows_value(rows, Anum_pg_policy_polroles, &is_null));
	expression = dbm_rows_text(rows, Anum_pg_policy_polqual);
	if (expression)
		dbm_body_text(body, "using", dbm_deparse(expression, &relation->columns));
	expression = dbm_rows_text(rows, Anum_pg_policy_polwithcheck);
	if (expression)
		dbm_body_text(body, "check", dbm_deparse(expression, &relation->columns));
	dbm_put_remarks(pass, body, PolicyRelationId, form->oid, 0);
}

void
dbm_describe_policies(DbmPass *pass, DbmRelation *relation)
{
	DbmRows *rows = dbm_rows(dbm_pass_reader(pass), DBM_POLICY_OF_RELATION, relation->oid);
	HeapTuple tuple;

	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_policy form = (Form_pg_policy) GETSTRUCT(tuple);
		DbmDraft *draft = dbm_draft_begin(
			pass, "policy", dbm_identity_on(NameStr(form->polname), relation->identity));

		dbm_pass_member(pass, PolicyRelationId, form->oid);
		put_policy(pass, draft->body, relation, rows, form);
		dbm_draft_end(pass, draft);
	}
}
