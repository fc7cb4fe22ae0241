/*
 * cli/file.c: files that we write
 */
#include "postgres_fe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "message.h"

static void
make_folders(const char *path)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/'))
	{
		char *folder = pnstrdup(path, slash - path);

		if (mkdir(folder, 0777) != 0 && errno != EEXIST)
			message_die(EXIT_ERROR, NULL, "could not create directory \"%s\": %m", folder);
		pg_free(folder);
	}
}

bool
file_create(const char *path, const char *content)
{
	int handle;
	size_t length = strlen(content);

	make_folders(path);
	handle = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (handle < 0 && errno == EEXIST)
		return false;
	if (handle < 0)
		message_die(EXIT_ERROR, NULL, "could not create file \"%s\": %m", path);
	errno = 0;
	if (write(handle, content, length) != (ssize_t) length || close(handle) != 0)
	{
		/* half a file would be left alone the next time; a short write means a full disk */
		int cause = errno ? errno : ENOSPC;

		unlink(path);
		errno = cause;
		message_die(EXIT_ERROR, NULL, "could not write file \"%s\": %m", path);
	}
	return true;
}
