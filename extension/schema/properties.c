/*
 * schema/properties.c: owner, privileges, remarks and options of any object
 */
#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_description.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "schema/names.h"
#include "schema/properties.h"

/* Newer minor releases keep a counter per column here that differs between equal schemas. */
#define SERVER_BOOKKEEPING "pg_attver="

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

void
dbm_sort_strings(char **strings, int count)
{
	if (count > 1)
		qsort(strings, count, sizeof(char *), compare_strings);
}

void
dbm_put_sorted(StringInfo body, const char *tag, List *strings)
{
	char **sorted = palloc(sizeof(char *) * Max(list_length(strings), 1));
	ListCell *cell;
	int count = 0;

	foreach(cell, strings)
		sorted[count++] = lfirst(cell);
	dbm_sort_strings(sorted, count);
	for (int at = 0; at < count; at++)
		dbm_body_text(body, tag, sorted[at]);
}

void
dbm_put_procedure(StringInfo body, const char *tag, Oid procedure)
{
	if (OidIsValid(procedure))
		dbm_body_text(body, tag, dbm_procedure_identity(procedure));
}

void
dbm_put_owner(DbmPass *pass, StringInfo body, Oid owner)
{
	dbm_body_text(body, "owner", dbm_role_name(pass, owner));
}

/* The letters of one access list item, each followed by * if it may be passed on. */
static char *
privilege_letters(const AclItem *item)
{
	char *letters = palloc(N_ACL_RIGHTS * 2 + 1);
	char *at = letters;

	for (int bit = 0; bit < N_ACL_RIGHTS; bit++)
	{
		if (ACLITEM_GET_PRIVS(*item) & ((AclMode) 1 << bit))
			*at++ = ACL_ALL_RIGHTS_STR[bit];
		if (ACLITEM_GET_GOPTIONS(*item) & ((AclMode) 1 << bit))
			*at++ = '*';
	}
	*at = '\0';
	return letters;
}

static char *
describe_grant(DbmPass *pass, const AclItem *item)
{
	StringInfoData grant;

	initStringInfo(&grant);
	if (item->ai_grantee != ACL_ID_PUBLIC)
		dbm_body_text(&grant, "to", dbm_role_name(pass, item->ai_grantee));
	dbm_body_text(&grant, "by", dbm_role_name(pass, item->ai_grantor));
	dbm_body_text(&grant, "privileges", privilege_letters(item));
	return grant.data;
}

/* Appends the items of the list, those without privileges left out, sorted. */
static void
append_grants(DbmPass *pass, StringInfo body, const Acl *acl)
{
	const AclItem *items = ACL_DAT(acl);
	char **grants = palloc(sizeof(char *) * Max(ACL_NUM(acl), 1));
	int count = 0;

	for (int at = 0; at < ACL_NUM(acl); at++)
		if (ACLITEM_GET_RIGHTS(items[at]) != ACL_NO_RIGHTS)
			grants[count++] = describe_grant(pass, &items[at]);
	dbm_sort_strings(grants, count);
	for (int at = 0; at < count; at++)
		dbm_body_text(body, "grant", grants[at]);
	/* nobody has any privilege: not the same as the default */
	dbm_body_flag(body, "no_privileges", count == 0);
}

void
dbm_put_grants(DbmPass *pass, StringInfo body, Datum acl)
{
	append_grants(pass, body, DatumGetAclP(acl));
}

void
dbm_put_privileges(DbmPass *pass, StringInfo body, Datum acl, bool is_null, ObjectType type,
				   Oid owner)
{
	StringInfoData present;
	StringInfoData initial;

	if (is_null)
		return;
	initStringInfo(&present);
	initStringInfo(&initial);
	append_grants(pass, &present, DatumGetAclP(acl));
	append_grants(pass, &initial, acldefault(type, owner));
	if (strcmp(present.data, initial.data) != 0)
		appendBinaryStringInfo(body, present.data, present.len);
}

static bool
is_bookkeeping(const char *option)
{
	return strncmp(option, SERVER_BOOKKEEPING, strlen(SERVER_BOOKKEEPING)) == 0;
}

/* Cuts the value off an option whose name says that it is a secret. */
static void
hide_secret(char *option)
{
	static const char *const secrets[] = {"password", "passphrase", "secret", "token"};
	char *equals = strchr(option, '=');

	if (equals == NULL)
		return;
	*equals = '\0';
	for (int at = 0; at < lengthof(secrets); at++)
		if (strcasestr(option, secrets[at]))
			return;
	*equals = '=';
}

static void
put_sorted_options(StringInfo body, const char *tag, Datum options, bool hide_secrets)
{
	Datum *values;
	char **strings;
	int nvalues;
	int count = 0;

	deconstruct_array(DatumGetArrayTypeP(options), TEXTOID, -1, false, TYPALIGN_INT, &values, NULL,
					  &nvalues);
	strings = palloc(sizeof(char *) * Max(nvalues, 1));
	for (int at = 0; at < nvalues; at++)
	{
		char *option = TextDatumGetCString(values[at]);

		if (is_bookkeeping(option))
			continue;
		if (hide_secrets)
			hide_secret(option);
		strings[count++] = option;
	}
	dbm_sort_strings(strings, count);
	for (int at = 0; at < count; at++)
		dbm_body_text(body, tag, strings[at]);
}

void
dbm_put_options(StringInfo body, const char *tag, Datum options, bool is_null)
{
	if (!is_null)
		put_sorted_options(body, tag, options, false);
}

void
dbm_put_foreign_options(StringInfo body, Datum options, bool is_null)
{
	if (!is_null)
		put_sorted_options(body, "foreign_option", options, true);
}

char *
dbm_comment_of(DbmPass *pass, Oid classid, Oid objid, int column)
{
	DbmRows *rows;
	HeapTuple tuple;
	char *comment = NULL;

	if (!dbm_pass_comment_possible(pass, classid, objid))
		return NULL;
	rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_DESCRIPTION_OF_OBJECT, objid, classid);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		if (((Form_pg_description) GETSTRUCT(tuple))->objsubid != column)
			continue;
		comment = dbm_rows_text(rows, Anum_pg_description_description);
		dbm_rows_stop(rows);
		break;
	}
	return comment;
}

void
dbm_put_labels(DbmPass *pass, StringInfo body, Oid classid, Oid objid, int column)
{
	DbmRows *rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_LABEL_OF_OBJECT, objid, classid);
	HeapTuple tuple;

	/* the index brings the labels of one column in the order of their providers */
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		int label;

		if (((FormData_pg_seclabel *) GETSTRUCT(tuple))->objsubid != column)
			continue;
		label = dbm_body_open(body);
		dbm_body_text(body, "provider", dbm_rows_text(rows, Anum_pg_seclabel_provider));
		dbm_body_text(body, "value", dbm_rows_text(rows, Anum_pg_seclabel_label));
		dbm_body_close(body, "label", label);
	}
}

void
dbm_put_remarks(DbmPass *pass, StringInfo body, Oid classid, Oid objid, int column)
{
	dbm_body_text(body, "comment", dbm_comment_of(pass, classid, objid, column));
	if (dbm_pass_has_labels(pass))
		dbm_put_labels(pass, body, classid, objid, column);
}

void
dbm_put_extension_links(DbmPass *pass, StringInfo body, Oid classid, Oid objid)
{
	DbmRows *rows;
	List *names = NIL;
	HeapTuple tuple;

	if (!dbm_pass_extension_possible(pass, classid, objid))
		return;
	rows = dbm_rows_pair(dbm_pass_reader(pass), DBM_DEPEND_OF_OBJECT, classid, objid);
	while ((tuple = dbm_rows_next(rows)) != NULL)
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

		if (depend->refclassid == ExtensionRelationId &&
			depend->deptype == DEPENDENCY_AUTO_EXTENSION)
			names = lappend(names, get_extension_name(depend->refobjid));
	}
	if (names != NIL)
		dbm_put_sorted(body, "depends_on_extension", names);
}
