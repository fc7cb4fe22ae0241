/*
 * schema/shape.h: an object but for the text of its expressions
 *
 * The server writes an expression back from its parsed form, and sometimes
 * otherwise once it has read its own text: x IN (...) over varchar, columns of
 * a UNION without names, functions whose type has got a column since.  Two
 * objects of the same shape may be the same but for that.
 */
#ifndef DBM_SCHEMA_SHAPE_H
#define DBM_SCHEMA_SHAPE_H

#include "core/digest.h"

/* Hashes a body without the values of expressions and queries. */
extern void dbm_shape_digest(const char *body, int length, uint8 *digest);

#endif							/* DBM_SCHEMA_SHAPE_H */
