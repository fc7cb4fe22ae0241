/*
 * cli/file.h: files that we write
 */
#ifndef DBM_CLI_FILE_H
#define DBM_CLI_FILE_H

/*
 * Writes a file and makes the folders that lead to it.  Returns false if
 * something of that name is there, and leaves that as it is; ends the program
 * where the file cannot be written.
 */
extern bool file_create(const char *path, const char *content);

#endif							/* DBM_CLI_FILE_H */
