/*
 * cli/finding.h: what is wrong with the files of a repository
 */
#ifndef DBM_CLI_FINDING_H
#define DBM_CLI_FINDING_H

#include "libpq-fe.h"

typedef enum FindingSeverity
{
	FINDING_WARNING,
	FINDING_ERROR,
} FindingSeverity;

typedef struct Finding
{
	FindingSeverity severity;
	char *path;
	int line;					/* 0: the file as a whole */
	char *finding;
	const char *advice;
} Finding;

typedef struct Findings
{
	Finding *items;
	int count;
} Findings;

extern void findings_add(Findings *findings, FindingSeverity severity, const char *path, int line,
						 const char *advice, const char *format, ...) pg_attribute_printf(6, 7);

extern int findings_count(const Findings *findings, FindingSeverity severity);

/* Says all errors; ends the program if there was one. */
extern void findings_require_none(const Findings *findings);

/* The findings as rows: severity, path, line, finding, advice. */
extern PGresult *findings_rows(const Findings *findings);

#endif							/* DBM_CLI_FINDING_H */
