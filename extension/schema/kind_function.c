/*
 * schema/kind_function.c: functions, procedures, aggregates
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "schema/deparse.h"
#include "schema/kinds.h"
#include "schema/names.h"
#include "schema/properties.h"

/* A function being described. */
typedef struct Function
{
	HeapTuple tuple;
	TupleDesc descriptor;
	Form_pg_proc form;
	int nargs;					/* input and output */
	const Oid *types;
	const char *modes;			/* NULL: all are input */
	char **names;				/* NULL: none has a name */
	List *defaults;				/* deparsed, of the last input arguments */
} Function;

static ArrayType *
array_column(Function *function, AttrNumber column)
{
	bool is_null;
	Datum value = dbm_tuple_value(function->tuple, function->descriptor, column, &is_null);

	return is_null ? NULL : DatumGetArrayTypeP(value);
}

static char **
read_argument_names(Function *function)
{
	ArrayType *array = array_column(function, Anum_pg_proc_proargnames);
	Datum *values;
	int count;
	char **names;

	if (array == NULL)
		return NULL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, &count);
	names = palloc0(sizeof(char *) * Max(count, function->nargs));
	for (int at = 0; at < count; at++)
		names[at] = TextDatumGetCString(values[at]);
	return names;
}

static void
read_arguments(Function *function)
{
	ArrayType *all_types = array_column(function, Anum_pg_proc_proallargtypes);
	ArrayType *modes = array_column(function, Anum_pg_proc_proargmodes);
	char *defaults = dbm_tuple_text(function->tuple, function->descriptor,
									Anum_pg_proc_proargdefaults);

	if (all_types)
	{
		function->nargs = ARR_DIMS(all_types)[0];
		function->types = (const Oid *) ARR_DATA_PTR(all_types);
	}
	else
	{
		function->nargs = function->form->pronargs;
		function->types = function->form->proargtypes.values;
	}
	function->modes = modes ? ARR_DATA_PTR(modes) : NULL;
	function->names = read_argument_names(function);
	function->defaults = defaults ? dbm_deparse_list(defaults, NULL) : NIL;
}

static bool
is_input(char mode)
{
	return mode == PROARGMODE_IN || mode == PROARGMODE_INOUT || mode == PROARGMODE_VARIADIC;
}

static void
put_arguments(StringInfo body, Function *function)
{
	int input = 0;
	int first_default = function->form->pronargs - list_length(function->defaults);

	for (int at = 0; at < function->nargs; at++)
	{
		char mode = function->modes ? function->modes[at] : PROARGMODE_IN;
		int opened = dbm_body_open(body);

		if (mode != PROARGMODE_IN)
			dbm_body_letter(body, "mode", mode);
		if (function->names && function->names[at] && function->names[at][0])
			dbm_body_text(body, "name", function->names[at]);
		dbm_body_text(body, "type", dbm_type_identity(function->types[at]));
		if (is_input(mode))
		{
			if (input >= first_default)
				dbm_body_text(body, "default", list_nth(function->defaults, input - first_default));
			input++;
		}
		dbm_body_close(body, "argument", opened);
	}
}

static void
put_cost(StringInfo body, Form_pg_proc form)
{
	bool compiled = form->prolang == INTERNALlanguageId || form->prolang == ClanguageId;

	if (form->procost != (compiled ? 1 : 100))
		dbm_body_text(
			body, "cost",
			DatumGetCString(DirectFunctionCall1(float4out, Float4GetDatum(form->procost))));
	if (form->proretset && form->prorows != 1000)
		dbm_body_text(
			body, "rows",
			DatumGetCString(DirectFunctionCall1(float4out, Float4GetDatum(form->prorows))));
}

static void
put_attributes(StringInfo body, Form_pg_proc form)
{
	dbm_body_flag(body, "window", form->prokind == PROKIND_WINDOW);
	if (form->provolatile != PROVOLATILE_VOLATILE)
		dbm_body_letter(body, "volatility", form->provolatile);
	if (form->proparallel != PROPARALLEL_UNSAFE)
		dbm_body_letter(body, "parallel", form->proparallel);
	dbm_body_flag(body, "strict", form->proisstrict);
	dbm_body_flag(body, "security_definer", form->prosecdef);
	dbm_body_flag(body, "leakproof", form->proleakproof);
	put_cost(body, form);
	dbm_put_procedure(body, "support", form->prosupport);
}

static void
put_transforms(StringInfo body, Function *function)
{
	ArrayType *types = array_column(function, Anum_pg_proc_protrftypes);

	if (types == NULL)
		return;
	for (int at = 0; at < ArrayGetNItems(ARR_NDIM(types), ARR_DIMS(types)); at++)
		dbm_body_text(body, "transform_for_type",
					  dbm_type_identity(((const Oid *) ARR_DATA_PTR(types))[at]));
}

static void
put_code(StringInfo body, Function *function)
{
	HeapTuple tuple = function->tuple;
	bool is_null;
	Datum value;

	dbm_body_text(body, "language", get_language_name(function->form->prolang, false));
	put_attributes(body, function->form);
	put_transforms(body, function);
	value = dbm_tuple_value(tuple, function->descriptor, Anum_pg_proc_proconfig, &is_null);
	dbm_put_options(body, "set", value, is_null);
	if (!heap_attisnull(tuple, Anum_pg_proc_prosqlbody, function->descriptor))
	{
		dbm_deparse_note(dbm_tuple_text(tuple, function->descriptor, Anum_pg_proc_prosqlbody));
		value = DirectFunctionCall1(pg_get_function_sqlbody, ObjectIdGetDatum(function->form->oid));
		dbm_body_text(body, "sql_body", TextDatumGetCString(value));
		return;
	}
	dbm_body_text(body, "source", dbm_tuple_text(tuple, function->descriptor, Anum_pg_proc_prosrc));
	dbm_body_text(body, "library",
				  dbm_tuple_text(tuple, function->descriptor, Anum_pg_proc_probin));
}

static void
put_aggregate_functions(StringInfo body, Form_pg_aggregate form)
{
	dbm_put_procedure(body, "transition", form->aggtransfn);
	dbm_put_procedure(body, "final", form->aggfinalfn);
	dbm_put_procedure(body, "combine", form->aggcombinefn);
	dbm_put_procedure(body, "serialize", form->aggserialfn);
	dbm_put_procedure(body, "deserialize", form->aggdeserialfn);
	dbm_put_procedure(body, "moving_transition", form->aggmtransfn);
	dbm_put_procedure(body, "moving_inverse", form->aggminvtransfn);
	dbm_put_procedure(body, "moving_final", form->aggmfinalfn);
	dbm_body_flag(body, "final_extra", form->aggfinalextra);
	dbm_body_flag(body, "moving_final_extra", form->aggmfinalextra);
}

static void
put_aggregate(DbmPass *pass, StringInfo body, Function *function)
{
	TupleDesc descriptor;
	HeapTuple tuple = dbm_row_copied(dbm_pass_reader(pass), DBM_AGGREGATE_BY_PROC,
									 function->form->oid, &descriptor);
	Form_pg_aggregate form;

	if (tuple == NULL)
		elog(ERROR, "cache lookup failed for aggregate %u", function->form->oid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	if (form->aggkind != AGGKIND_NORMAL)
	{
		dbm_body_letter(body, "aggregate_kind", form->aggkind);
		dbm_body_integer(body, "direct_arguments", form->aggnumdirectargs);
	}
	put_aggregate_functions(body, form);
	dbm_body_letter(body, "final_modify", form->aggfinalmodify);
	if (OidIsValid(form->aggmtransfn))
		dbm_body_letter(body, "moving_final_modify", form->aggmfinalmodify);
	if (OidIsValid(form->aggsortop))
		dbm_body_text(body, "sort_operator", dbm_operator_identity(form->aggsortop));
	dbm_body_text(body, "state_type", dbm_type_identity(form->aggtranstype));
	if (form->aggtransspace != 0)
		dbm_body_integer(body, "state_space", form->aggtransspace);
	if (OidIsValid(form->aggmtranstype))
		dbm_body_text(body, "moving_state_type", dbm_type_identity(form->aggmtranstype));
	if (form->aggmtransspace != 0)
		dbm_body_integer(body, "moving_state_space", form->aggmtransspace);
	dbm_body_text(body, "initial_value",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_aggregate_agginitval));
	dbm_body_text(body, "moving_initial_value",
				  dbm_tuple_text(tuple, descriptor, Anum_pg_aggregate_aggminitval));
	if (function->form->proparallel != PROPARALLEL_UNSAFE)
		dbm_body_letter(body, "parallel", function->form->proparallel);
}

static void
put_function(DbmPass *pass, StringInfo body, Function *function)
{
	Form_pg_proc form = function->form;
	Datum acl;
	bool is_null;

	dbm_put_owner(pass, body, form->proowner);
	acl = dbm_tuple_value(function->tuple, function->descriptor, Anum_pg_proc_proacl, &is_null);
	dbm_put_privileges(pass, body, acl, is_null, OBJECT_FUNCTION, form->proowner);
	dbm_put_remarks(pass, body, ProcedureRelationId, form->oid, 0);
	dbm_put_extension_links(pass, body, ProcedureRelationId, form->oid);

	read_arguments(function);
	put_arguments(body, function);
	if (form->prokind == PROKIND_AGGREGATE)
	{
		put_aggregate(pass, body, function);
		return;
	}
	if (form->prokind != PROKIND_PROCEDURE)
	{
		dbm_body_text(body, "returns", dbm_type_identity(form->prorettype));
		dbm_body_flag(body, "returns_set", form->proretset);
	}
	put_code(body, function);
}

static const char *
kind_name(char prokind)
{
	switch (prokind)
	{
		case PROKIND_AGGREGATE:
			return "aggregate";
		case PROKIND_PROCEDURE:
			return "procedure";
		default:
			return "function";
	}
}

void
dbm_describe_function(DbmPass *pass, HeapTuple tuple, TupleDesc descriptor)
{
	Function function = {.tuple = tuple, .descriptor = descriptor};
	DbmDraft *draft;

	function.form = (Form_pg_proc) GETSTRUCT(tuple);
	if (!dbm_user_schema(pass, function.form->pronamespace) ||
		dbm_extension_member(pass, ProcedureRelationId, function.form->oid) ||
		(function.form->prolang == INTERNALlanguageId &&
		 dbm_internal_part(pass, ProcedureRelationId, function.form->oid)))
		return;
	draft = dbm_draft_begin(pass, kind_name(function.form->prokind),
							dbm_procedure_identity(function.form->oid));
	put_function(pass, draft->body, &function);
	dbm_draft_end(pass, draft);
}
