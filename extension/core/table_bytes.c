/*
 * core/table_bytes.c: rows of our tables as bytes and back
 *
 * Format: table name, number of columns, then per column a null flag and, if
 * not null, the value: fixed-size types as stored, variable ones with their
 * length.  Integers are big endian (pq_send*); the reader checks everything.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/table.h"

typedef enum ValueForm
{
	FORM_INT64,
	FORM_INT32,
	FORM_BOOL,
	FORM_UUID,
	FORM_VARLENA
} ValueForm;

static ValueForm
value_form(Oid type)
{
	switch (type)
	{
		case INT8OID:
		case TIMESTAMPTZOID:
		case FLOAT8OID:
			return FORM_INT64;
		case INT4OID:
		case OIDOID:
			return FORM_INT32;
		case BOOLOID:
			return FORM_BOOL;
		case UUIDOID:
			return FORM_UUID;
		case TEXTOID:
		case BYTEAOID:
		case JSONBOID:
			return FORM_VARLENA;
		default:
			elog(ERROR, "type %u has no byte form in a dbmaestro table", type);
	}
}

static void
serialize_value(StringInfo buffer, Oid type, Datum value)
{
	struct varlena *variable;

	switch (value_form(type))
	{
		case FORM_INT64:
			pq_sendint64(buffer, DatumGetInt64(value));
			break;
		case FORM_INT32:
			pq_sendint32(buffer, DatumGetInt32(value));
			break;
		case FORM_BOOL:
			pq_sendbyte(buffer, DatumGetBool(value) ? 1 : 0);
			break;
		case FORM_UUID:
			pq_sendbytes(buffer, (char *) DatumGetUUIDP(value)->data, UUID_LEN);
			break;
		case FORM_VARLENA:
			variable = PG_DETOAST_DATUM_PACKED(value);
			pq_sendint32(buffer, VARSIZE_ANY_EXHDR(variable));
			pq_sendbytes(buffer, VARDATA_ANY(variable), VARSIZE_ANY_EXHDR(variable));
			break;
	}
}

static Datum
deserialize_value(StringInfo buffer, Oid type)
{
	pg_uuid_t *uuid;
	struct varlena *variable;
	int length;

	switch (value_form(type))
	{
		case FORM_INT64:
			return Int64GetDatum(pq_getmsgint64(buffer));
		case FORM_INT32:
			return Int32GetDatum(pq_getmsgint(buffer, 4));
		case FORM_BOOL:
			return BoolGetDatum(pq_getmsgbyte(buffer) != 0);
		case FORM_UUID:
			uuid = palloc(sizeof(pg_uuid_t));
			memcpy(uuid->data, pq_getmsgbytes(buffer, UUID_LEN), UUID_LEN);
			return UUIDPGetDatum(uuid);
		case FORM_VARLENA:
			length = pq_getmsgint(buffer, 4);
			variable = palloc(VARHDRSZ + Max(length, 0));
			SET_VARSIZE(variable, VARHDRSZ + length);
			memcpy(VARDATA(variable), pq_getmsgbytes(buffer, length), length);
			return PointerGetDatum(variable);
	}
	return (Datum) 0;
}

void
dbm_row_serialize(StringInfo buffer, const DbmRow *row)
{
	pq_sendbytes(buffer, row->table->name, strlen(row->table->name) + 1);
	pq_sendint32(buffer, row->table->ncolumns);
	for (int column = 0; column < row->table->ncolumns; column++)
	{
		pq_sendbyte(buffer, row->nulls[column] ? 1 : 0);
		if (!row->nulls[column])
			serialize_value(buffer, row->table->columns[column].type, row->values[column]);
	}
}

static const DbmTable *
find_table(const char *name, const DbmTable *const *known)
{
	for (; *known; known++)
	{
		if (strcmp((*known)->name, name) == 0)
			return *known;
	}
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("record names the table \"%s\", which takes no records", name)));
}

DbmRow *
dbm_row_deserialize(StringInfo buffer, const DbmTable *const *known)
{
	const char *name = pq_getmsgrawstring(buffer);
	const DbmTable *table = find_table(name, known);
	DbmRow *row = dbm_row_make(table);

	if (pq_getmsgint(buffer, 4) != table->ncolumns)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("record for table \"%s\" has another number of columns", name)));
	for (int column = 0; column < table->ncolumns; column++)
	{
		if (pq_getmsgbyte(buffer) == 0)
			dbm_row_set(row, column, deserialize_value(buffer, table->columns[column].type));
	}
	return row;
}
