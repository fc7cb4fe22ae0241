/*
 * audit/spill.c: files that hold records until they are in the tables
 *
 * Only plain system calls and LOG messages: the writer may be in the middle of
 * an error, where nothing that could raise another one has a place, and there
 * is no interrupt check between open and close, so no descriptor can leak.
 * Paths are relative: every server process works in the data directory.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "audit/spill.h"

#define TOP_FOLDER "dbmaestro"
#define UNFINISHED ".unfinished"
#define LOSSES "losses"

/* "DBMR", format 1; then database, length and CRC of the rows that follow. */
#define RECORD_MAGIC 0x44424d52
#define RECORD_FORMAT 1
#define RECORD_HEADER_SIZE (5 * sizeof(uint32))

static void
make_folder_path(char *path)
{
	snprintf(path, MAXPGPATH, "%s/%u", TOP_FOLDER, MyDatabaseId);
}

static void
make_path(char *path, const char *name, const char *ending)
{
	snprintf(path, MAXPGPATH, "%s/%u/%s%s", TOP_FOLDER, MyDatabaseId, name, ending);
}

static void
make_event_path(char *path, const pg_uuid_t *event_id, const char *ending)
{
	char name[2 * UUID_LEN + 1];

	for (int at = 0; at < UUID_LEN; at++)
		snprintf(name + 2 * at, 3, "%02x", event_id->data[at]);
	make_path(path, name, ending);
}

static bool
complain(const char *doing, const char *path)
{
	ereport(LOG_SERVER_ONLY,
			(errcode_for_file_access(), errmsg("could not %s \"%s\": %m", doing, path)));
	return false;
}

/* ---- writing ---- */

static bool
sync_folder(const char *path)
{
	int fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	int result;

	if (fd < 0)
		return complain("open directory", path);
	result = pg_fsync(fd);
	close(fd);
	return result == 0 || complain("fsync directory", path);
}

static bool
make_folder(const char *path, const char *parent)
{
	struct stat status;

	if (stat(path, &status) == 0)
		return true;
	if (MakePGDirectory(path) != 0 && errno != EEXIST)
		return complain("create directory", path);
	return sync_folder(parent);
}

static bool
make_folders(void)
{
	char path[MAXPGPATH];

	make_folder_path(path);
	return make_folder(TOP_FOLDER, ".") && make_folder(path, TOP_FOLDER);
}

static bool
write_all(int fd, const char *bytes, int length)
{
	while (length > 0)
	{
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
		{
			/* a short write leaves errno alone: it is the disk that is full */
			if (written == 0)
				errno = ENOSPC;
			return false;
		}
		bytes += written;
		length -= written;
	}
	return true;
}

/* Writes and fsyncs a file that does not exist yet; leaves none behind on failure. */
static bool
write_new_file(const char *path, const char *bytes, int length)
{
	int fd = BasicOpenFile(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY);
	bool written;

	/* two backends may make the counter at once */
	if (fd < 0)
		return errno != EEXIST && complain("create file", path);
	written = (write_all(fd, bytes, length) || complain("write file", path)) &&
			  (pg_fsync(fd) == 0 || complain("fsync file", path));
	if (close(fd) != 0 && written)
		written = complain("close file", path);
	if (!written)
		unlink(path);
	return written;
}

static void
seal_record(StringInfo file, const StringInfo record)
{
	pg_crc32c crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, record->data, record->len);
	FIN_CRC32C(crc);
	initStringInfo(file);
	pq_sendint32(file, RECORD_MAGIC);
	pq_sendint32(file, RECORD_FORMAT);
	pq_sendint32(file, MyDatabaseId);
	pq_sendint32(file, record->len);
	pq_sendint32(file, crc);
	appendBinaryStringInfo(file, record->data, record->len);
}

bool
dbm_spill_write(const pg_uuid_t *event_id, const StringInfo record)
{
	char folder[MAXPGPATH];
	char unfinished[MAXPGPATH];
	char path[MAXPGPATH];
	StringInfoData file;
	bool written;

	make_folder_path(folder);
	make_event_path(unfinished, event_id, UNFINISHED);
	make_event_path(path, event_id, DBM_SPILL_RECORD);
	seal_record(&file, record);
	written = make_folders() && write_new_file(unfinished, file.data, file.len);
	pfree(file.data);
	if (!written)
		return false;
	if (rename(unfinished, path) != 0)
	{
		complain("rename file", unfinished);
		unlink(unfinished);
		return false;
	}
	return sync_folder(folder);
}

/* ---- reading ---- */

bool
dbm_spill_waits(const pg_uuid_t *event_id)
{
	char path[MAXPGPATH];

	make_event_path(path, event_id, DBM_SPILL_RECORD);
	return access(path, F_OK) == 0;
}

static bool
ends_with(const char *name, const char *ending)
{
	size_t length = strlen(name);
	size_t wanted = strlen(ending);

	return length > wanted && strcmp(name + length - wanted, ending) == 0;
}

/* Names with this ending, at most limit of them; counted only if names is NULL. */
static int
scan_folder(const char *ending, int limit, List **names)
{
	char path[MAXPGPATH];
	struct dirent *entry;
	DIR *folder;
	int found = 0;

	make_folder_path(path);
	folder = opendir(path);
	if (folder == NULL)
	{
		if (errno != ENOENT)
			complain("open directory", path);
		return 0;
	}
	while (found < limit && (entry = readdir(folder)) != NULL)
	{
		if (!ends_with(entry->d_name, ending))
			continue;
		found++;
		if (names)
			*names = lappend(*names, pstrdup(entry->d_name));
	}
	closedir(folder);
	return found;
}

List *
dbm_spill_list(int limit)
{
	List *names = NIL;

	scan_folder(DBM_SPILL_RECORD, limit, &names);
	return names;
}

int
dbm_spill_count(const char *ending)
{
	return scan_folder(ending, PG_INT32_MAX, NULL);
}

/* Reads a whole file; NULL if it can't be read. */
static StringInfo
read_file(const char *path)
{
	StringInfo file = makeStringInfo();
	char part[8192];
	ssize_t length;
	int fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);

	if (fd < 0)
	{
		complain("open file", path);
		return NULL;
	}
	while ((length = read(fd, part, sizeof(part))) > 0)
		appendBinaryStringInfo(file, part, length);
	if (length < 0)
		complain("read file", path);
	close(fd);
	return length < 0 ? NULL : file;
}

/* Checks the header and moves the cursor behind it. */
static bool
is_sound(StringInfo file)
{
	pg_crc32c crc;

	if (file->len < RECORD_HEADER_SIZE || pq_getmsgint(file, 4) != RECORD_MAGIC ||
		pq_getmsgint(file, 4) != RECORD_FORMAT || pq_getmsgint(file, 4) != MyDatabaseId ||
		pq_getmsgint(file, 4) != file->len - RECORD_HEADER_SIZE)
		return false;
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, file->data + RECORD_HEADER_SIZE, file->len - RECORD_HEADER_SIZE);
	FIN_CRC32C(crc);
	return pq_getmsgint(file, 4) == crc;
}

StringInfo
dbm_spill_read(const char *name)
{
	char path[MAXPGPATH];
	StringInfo file;

	make_path(path, name, "");
	file = read_file(path);
	return file && is_sound(file) ? file : NULL;
}

/* ---- putting away ---- */

void
dbm_spill_remove(const char *name)
{
	char path[MAXPGPATH];

	make_path(path, name, "");
	/* not fsynced: a file that comes back after a crash is entered already */
	if (unlink(path) != 0 && errno != ENOENT)
		complain("remove file", path);
}

void
dbm_spill_set_aside(const char *name)
{
	char path[MAXPGPATH];
	char aside[MAXPGPATH];

	make_path(path, name, "");
	make_path(aside, name, DBM_SPILL_BROKEN);
	if (rename(path, aside) != 0)
		complain("rename file", path);
	else
		ereport(LOG, (errcode(ERRCODE_DATA_CORRUPTED),
					  errmsg("audit record in file \"%s\" cannot be entered", aside),
					  errhint("It is kept under that name; look at it and remove it.")));
}

/* ---- counting what was lost ---- */

void
dbm_spill_prepare(void)
{
	static const DbmSpillLosses none = {0, 0};
	char path[MAXPGPATH];

	make_path(path, LOSSES, "");
	if (access(path, F_OK) != 0 && make_folders())
		write_new_file(path, (const char *) &none, sizeof(none));
}

/* Adds to one of the counters; flock because the writer may hold no lock of the server. */
static void
add_losses(int64 lost, int64 entered)
{
	char path[MAXPGPATH];
	DbmSpillLosses losses = {0, 0};
	int fd;

	make_path(path, LOSSES, "");
	fd = BasicOpenFile(path, O_RDWR | O_CREAT | PG_BINARY);
	if (fd < 0)
	{
		complain("open file", path);
		return;
	}
	flock(fd, LOCK_EX);
	if (pread(fd, &losses, sizeof(losses), 0) != sizeof(losses))
		memset(&losses, 0, sizeof(losses));
	losses.lost += lost;
	losses.entered += entered;
	if (pwrite(fd, &losses, sizeof(losses), 0) != sizeof(losses) || pg_fsync(fd) != 0)
		complain("write file", path);
	close(fd);
}

void
dbm_spill_count_loss(void)
{
	add_losses(1, 0);
}

void
dbm_spill_losses_entered(int64 entered)
{
	add_losses(0, entered);
}

DbmSpillLosses
dbm_spill_losses(void)
{
	char path[MAXPGPATH];
	DbmSpillLosses losses = {0, 0};
	int fd;

	make_path(path, LOSSES, "");
	fd = BasicOpenFile(path, O_RDONLY | PG_BINARY);
	if (fd >= 0)
	{
		if (pread(fd, &losses, sizeof(losses), 0) != sizeof(losses))
			memset(&losses, 0, sizeof(losses));
		close(fd);
	}
	return losses;
}
