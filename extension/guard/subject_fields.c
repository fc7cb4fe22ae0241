/*
 * guard/subject_fields.c: statements with one subject, held in one field
 */
#include "postgres.h"

#include "guard/subjects.h"

/* How a statement's field holds the name of its subject. */
typedef enum FieldForm
{
	FIELD_NAME,					/* char * */
	FIELD_NAMES,				/* List of String */
	FIELD_RELATION,				/* RangeVar * */
	FIELD_OBJECT,				/* Node *, as in get_object_address() */
	FIELD_ROLE					/* RoleSpec * */
} FieldForm;

/* Statements with one subject, held in one field. */
typedef struct FieldCase
{
	NodeTag		tag;
	DbmTargetRole role;
	ObjectType	type;
	FieldForm	form;
	Size		offset;
} FieldCase;

/* Of an index, the table that is indexed says more than a name, which may be absent. */
static const FieldCase field_cases[] = {
#define SUBJECT(statement, role, type, form, field) \
	{                                                                                             \
		T_##statement, DBM_TARGET_##role, OBJECT_##type, FIELD_##form, offsetof(statement, field) \
	}
	SUBJECT(IndexStmt, EXISTING, TABLE, RELATION, relation),
	SUBJECT(CreateSeqStmt, CREATED, SEQUENCE, RELATION, sequence),
	SUBJECT(AlterSeqStmt, EXISTING, SEQUENCE, RELATION, sequence),
	SUBJECT(CompositeTypeStmt, CREATED, TYPE, RELATION, typevar),
	SUBJECT(CreateEnumStmt, CREATED, TYPE, NAMES, typeName),
	SUBJECT(AlterEnumStmt, EXISTING, TYPE, NAMES, typeName),
	SUBJECT(CreateDomainStmt, CREATED, DOMAIN, NAMES, domainname),
	SUBJECT(AlterDomainStmt, EXISTING, DOMAIN, NAMES, typeName),
	SUBJECT(AlterTypeStmt, EXISTING, TYPE, NAMES, typeName),
	SUBJECT(AlterOperatorStmt, EXISTING, OPERATOR, OBJECT, opername),
	SUBJECT(CreateConversionStmt, CREATED, CONVERSION, NAMES, conversion_name),
	SUBJECT(CreateOpClassStmt, CREATED, OPCLASS, NAMES, opclassname),
	SUBJECT(CreateOpFamilyStmt, CREATED, OPFAMILY, NAMES, opfamilyname),
	SUBJECT(AlterStatsStmt, EXISTING, STATISTIC_EXT, NAMES, defnames),
	SUBJECT(AlterTSDictionaryStmt, EXISTING, TSDICTIONARY, NAMES, dictname),
	SUBJECT(AlterTSConfigurationStmt, EXISTING, TSCONFIGURATION, NAMES, cfgname),
	SUBJECT(AlterCollationStmt, EXISTING, COLLATION, NAMES, collname),
	SUBJECT(AlterExtensionStmt, EXISTING, EXTENSION, NAME, extname),
	SUBJECT(ImportForeignSchemaStmt, EXISTING, SCHEMA, NAME, local_schema),
	SUBJECT(CreateFdwStmt, CREATED, FDW, NAME, fdwname),
	SUBJECT(AlterFdwStmt, EXISTING, FDW, NAME, fdwname),
	SUBJECT(CreateForeignServerStmt, CREATED, FOREIGN_SERVER, NAME, servername),
	SUBJECT(AlterForeignServerStmt, EXISTING, FOREIGN_SERVER, NAME, servername),
	SUBJECT(CreateUserMappingStmt, EXISTING, FOREIGN_SERVER, NAME, servername),
	SUBJECT(AlterUserMappingStmt, EXISTING, FOREIGN_SERVER, NAME, servername),
	SUBJECT(DropUserMappingStmt, EXISTING, FOREIGN_SERVER, NAME, servername),
	SUBJECT(CreatePLangStmt, CREATED, LANGUAGE, NAME, plname),
	SUBJECT(CreateAmStmt, CREATED, ACCESS_METHOD, NAME, amname),
	SUBJECT(CreateSubscriptionStmt, CREATED, SUBSCRIPTION, NAME, subname),
	SUBJECT(AlterSubscriptionStmt, EXISTING, SUBSCRIPTION, NAME, subname),
	SUBJECT(DropSubscriptionStmt, EXISTING, SUBSCRIPTION, NAME, subname),
	SUBJECT(CreateEventTrigStmt, CREATED, EVENT_TRIGGER, NAME, trigname),
	SUBJECT(AlterEventTrigStmt, EXISTING, EVENT_TRIGGER, NAME, trigname),
	SUBJECT(CreateRoleStmt, CREATED, ROLE, NAME, role),
	SUBJECT(AlterRoleStmt, EXISTING, ROLE, ROLE, role),
	SUBJECT(AlterRoleSetStmt, EXISTING, ROLE, ROLE, role),
	SUBJECT(CreatedbStmt, CREATED, DATABASE, NAME, dbname),
	SUBJECT(DropdbStmt, EXISTING, DATABASE, NAME, dbname),
	SUBJECT(AlterDatabaseStmt, EXISTING, DATABASE, NAME, dbname),
	SUBJECT(AlterDatabaseRefreshCollStmt, EXISTING, DATABASE, NAME, dbname),
	SUBJECT(AlterDatabaseSetStmt, EXISTING, DATABASE, NAME, dbname),
	SUBJECT(CreateTableSpaceStmt, CREATED, TABLESPACE, NAME, tablespacename),
	SUBJECT(DropTableSpaceStmt, EXISTING, TABLESPACE, NAME, tablespacename),
	SUBJECT(AlterTableSpaceOptionsStmt, EXISTING, TABLESPACE, NAME, tablespacename),
#undef SUBJECT
};

static void
note_field(DbmCommand *command, const FieldCase *field)
{
	void	   *value = *(void *const *) ((const char *) command->tree + field->offset);

	switch (field->form)
	{
		case FIELD_NAME:
			dbm_note_name(command, field->role, field->type, value);
			break;
		case FIELD_NAMES:
			dbm_note_names(command, field->role, field->type, value);
			break;
		case FIELD_RELATION:
			dbm_note_relation(command, field->role, field->type, value);
			break;
		case FIELD_OBJECT:
			dbm_note_object(command, field->role, field->type, value);
			break;
		case FIELD_ROLE:
			dbm_note_role(command, field->role, value);
			break;
	}
}

void
dbm_read_subject_field(DbmCommand *command)
{
	NodeTag		tag = nodeTag(command->tree);

	for (int at = 0; at < lengthof(field_cases); at++)
	{
		if (field_cases[at].tag == tag)
			note_field(command, &field_cases[at]);
	}
}
