/*
 * cli/outcome.c: what became of several changes, done one after the other
 */
#include "postgres_fe.h"

#include "message.h"
#include "outcome.h"
#include "print.h"

static json_t *
error_field(const PGresult *error, int field)
{
	const char *value = PQresultErrorField(error, field);

	return value ? json_string(message_printable(value)) : json_null();
}

static json_t *
error_as_json(const PGresult *error)
{
	json_t *object;

	if (error == NULL)
		return json_null();
	object = json_object();
	json_object_set_new(object, "sqlstate", error_field(error, PG_DIAG_SQLSTATE));
	json_object_set_new(object, "message", error_field(error, PG_DIAG_MESSAGE_PRIMARY));
	json_object_set_new(object, "detail", error_field(error, PG_DIAG_MESSAGE_DETAIL));
	json_object_set_new(object, "hint", error_field(error, PG_DIAG_MESSAGE_HINT));
	json_object_set_new(object, "context", error_field(error, PG_DIAG_CONTEXT));
	return object;
}

void
outcome_print(json_t *facts, PGresult *rows, const PGresult *error)
{
	if (print_is_json())
	{
		json_object_set_new(facts, "changes", print_rows_as_json(rows));
		json_object_set_new(facts, "error", error_as_json(error));
		print_json(facts);
	}
	else
	{
		json_decref(facts);
		if (PQntuples(rows) > 0)
			print_rows(rows, NULL);
	}
	PQclear(rows);
}
