/*
 * schema/properties.h: properties that every kind of object may have
 *
 * Owner, privileges, comment, security labels, options, links to extensions.
 * All are appended to a body and left out when they are the default.
 */
#ifndef DBM_SCHEMA_PROPERTIES_H
#define DBM_SCHEMA_PROPERTIES_H

#include "nodes/parsenodes.h"

#include "schema/pass.h"

extern void dbm_put_owner(DbmPass *pass, StringInfo body, Oid owner);

/*
 * Privileges, one entry per grantee and grantor, sorted by name; nothing when
 * they are what the owner gives by default, written out or not.
 */
extern void dbm_put_privileges(DbmPass *pass, StringInfo body, Datum acl, bool is_null,
							   ObjectType type, Oid owner);

/* The entries of an access list whatever the default is. */
extern void dbm_put_grants(DbmPass *pass, StringInfo body, Datum acl);

/* Options in the form name=value of a text[], sorted; bookkeeping of the server left out. */
extern void dbm_put_options(StringInfo body, const char *tag, Datum options, bool is_null);

/*
 * Options of foreign objects.  Of one that holds a secret only its presence
 * counts: what it is differs between environments, and is nobody's to read.
 */
extern void dbm_put_foreign_options(StringInfo body, Datum options, bool is_null);

/* Comment and labels of the object or, with a column number, of one column of it. */
extern void dbm_put_remarks(DbmPass *pass, StringInfo body, Oid classid, Oid objid, int column);

/* Labels alone; ask dbm_pass_has_labels first, most databases have none. */
extern void dbm_put_labels(DbmPass *pass, StringInfo body, Oid classid, Oid objid, int column);

/* Extensions that the object was made to depend on (ALTER ... DEPENDS ON EXTENSION). */
extern void dbm_put_extension_links(DbmPass *pass, StringInfo body, Oid classid, Oid objid);

/* Comment of one object or NULL, palloc'd. */
extern char *dbm_comment_of(DbmPass *pass, Oid classid, Oid objid, int column);

/* One entry per string, sorted. */
extern void dbm_put_sorted(StringInfo body, const char *tag, List *strings);

/* A function by its identity; nothing for none. */
extern void dbm_put_procedure(StringInfo body, const char *tag, Oid procedure);

/* Sorts strings bytewise, whatever the locale. */
extern void dbm_sort_strings(char **strings, int count);

#endif							/* DBM_SCHEMA_PROPERTIES_H */
