/*
 * cli/repository.c: the files of a commit, or of the work tree
 *
 * Blobs are read as they are in the commit: no filter, no line ends of the
 * platform.
 */
#include "postgres_fe.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include <git2.h>

#include "compat.h"
#include "message.h"
#include "ownership.h"
#include "repository.h"

struct Repository
{
	const Config *config;
	git_repository *git;		/* NULL for a work tree */
	git_commit *commit;
	git_tree *tree;				/* of the folder that the configuration is in */
	char *reference;
	char *description;
};

static char *reference = NULL;
static bool worktree = false;

const Option repository_options[] = {
	{OPTION_TEXT, 0, "ref", &reference, "REF", "take this commit, branch or tag instead of HEAD",
	 NULL, "DBMAESTRO_REF"},
	{OPTION_FLAG, 0, "worktree", &worktree, NULL,
	 "take the files as they lie here, committed or not"},
	{OPTION_END},
};

DBM_NORETURN static void
die_of_git(const char *hint, const char *what)
{
	const git_error *fault = git_error_last();

	message_die(EXIT_ERROR, hint, "%s: %s", what, fault ? fault->message : "no reason was given");
}

/* --- opening -------------------------------------------------------------- */

DBM_NORETURN static void
refuse_foreign(const char *root)
{
	message_die(EXIT_ERROR,
				psprintf("If you trust whoever owns it, run: git config --global --add "
						 "safe.directory '%s'",
						 root),
				"Git repository \"%s\" belongs to another user", root);
}

static void
open_git(Repository *repository)
{
	const char *directory = repository->config->directory;
	int code = git_repository_open_ext(&repository->git, directory, 0, NULL);
	char *foreign = code == 0 ? NULL : ownership_foreign(directory);

	if (code == GIT_EOWNER || foreign)
	{
		if (ownership_trusts_all() && git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0) == 0)
			code = git_repository_open_ext(&repository->git, directory, 0, NULL);
		else
			refuse_foreign(foreign ? foreign : directory);
	}
	if (code == GIT_ENOTFOUND)
		message_die(EXIT_ERROR,
					"Run \"git init\" and commit, or say --worktree to take files as they are.",
					"\"%s\" is not in a Git repository", directory);
	if (code != 0)
		die_of_git("Run \"git status\" there to see what Git says.",
				   "could not open the repository");
	pg_free(foreign);
}

git_repository *
repository_open_git(const Config *config)
{
	Repository repository = {.config = config};

	open_git(&repository);
	return repository.git;
}

static void
find_commit(Repository *repository, const char *wanted)
{
	git_object *object = NULL;
	git_object *commit = NULL;

	if (strcmp(wanted, "HEAD") == 0 && git_repository_head_unborn(repository->git) == 1)
		message_die(EXIT_ERROR, "Commit the scripts, or say --worktree to deploy them as they are.",
					"the repository has no commit yet");
	if (git_revparse_single(&object, repository->git, wanted) != 0)
		die_of_git("Name a commit, a branch or a tag that is in this clone.",
				   psprintf("could not find \"%s\"", wanted));
	if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0)
		die_of_git("Name a commit, a branch or a tag.", psprintf("\"%s\" is no commit", wanted));
	git_object_free(object);
	repository->commit = (git_commit *) commit;
	repository->reference = pg_strdup(wanted);
	repository->description = psprintf("commit %.10s",
									   git_oid_tostr_s(git_commit_id(repository->commit)));
}

/* Where the configuration is inside the repository: "" or "services/shop". */
static const char *
folder_of_configuration(const Repository *repository)
{
	const char *root = git_repository_workdir(repository->git);
	const char *directory = repository->config->directory;
	size_t length = root ? strlen(root) : 0;

	while (length > 0 && root[length - 1] == '/')
		length--;
	if (root == NULL || strncmp(root, directory, length) != 0)
		return "";
	directory += length;
	return directory + strspn(directory, "/");
}

static git_tree *
find_tree(git_repository *git, git_tree *root, const char *path)
{
	git_tree_entry *entry;
	git_tree *tree = NULL;

	if (path[0] == '\0' || strcmp(path, ".") == 0)
		return git_tree_dup(&tree, root) == 0 ? tree : NULL;
	if (git_tree_entry_bypath(&entry, root, path) != 0)
		return NULL;
	if (git_tree_entry_type(entry) == GIT_OBJECT_TREE)
		(void) git_tree_lookup(&tree, git, git_tree_entry_id(entry));
	git_tree_entry_free(entry);
	return tree;
}

/* The tree of the folder that the configuration is in, NULL if there is none; false: unreadable. */
static bool
find_folder(Repository *repository)
{
	git_tree *root;

	if (git_commit_tree(&root, repository->commit) != 0)
		return false;
	repository->tree = find_tree(repository->git, root, folder_of_configuration(repository));
	git_tree_free(root);
	return true;
}

static void
find_root(Repository *repository)
{
	if (!find_folder(repository))
		die_of_git("Fetch the whole repository.", "could not read the commit");
	if (repository->tree == NULL)
		message_die(EXIT_ERROR, "Commit it, or say --worktree to deploy the files as they are.",
					"folder \"%s\" is not in %s", folder_of_configuration(repository),
					repository->description);
}

Repository *
repository_open_worktree(const Config *config)
{
	Repository *repository = pg_malloc0(sizeof(Repository));

	repository->config = config;
	repository->description = pg_strdup("the work tree");
	return repository;
}

Repository *
repository_open_at(const Config *config, const char *wanted)
{
	Repository *repository = pg_malloc0(sizeof(Repository));

	repository->config = config;
	/* every blob is read once: a cache would only hold all of them in memory */
	git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
	open_git(repository);
	find_commit(repository, wanted);
	find_root(repository);
	return repository;
}

bool
repository_is_worktree(void)
{
	return worktree;
}

bool
repository_is_there(const Config *config)
{
	git_repository *git = NULL;
	bool is_empty = false;

	if (!worktree && reference == NULL &&
		git_repository_open_ext(&git, config->directory, 0, NULL) == GIT_ENOTFOUND)
		return false;
	if (git)
		is_empty = git_repository_head_unborn(git) == 1;
	git_repository_free(git);
	return !is_empty;
}

Repository *
repository_open(const Config *config)
{
	if (worktree && reference)
		message_die(EXIT_USAGE, "Say one of them.", "--worktree and --ref cannot be used together");
	if (worktree)
		return repository_open_worktree(config);
	return repository_open_at(config, reference ? reference : "HEAD");
}

/* --- what was before ------------------------------------------------------- */

void
repository_close(Repository *repository)
{
	git_tree_free(repository->tree);
	git_commit_free(repository->commit);
	pg_free(repository);
}

/* The commit, as a repository of its own; NULL if it has no folder for the configuration. */
static Repository *
open_earlier(const Repository *repository, const git_oid *id)
{
	Repository *earlier = pg_malloc0(sizeof(Repository));

	earlier->config = repository->config;
	earlier->git = repository->git;
	if (git_commit_lookup(&earlier->commit, earlier->git, id) == 0)
	{
		earlier->description = psprintf("commit %.10s", git_oid_tostr_s(id));
		if (find_folder(earlier) && earlier->tree)
			return earlier;
	}
	repository_close(earlier);
	return NULL;
}

Repository *
repository_open_earlier(Repository *repository, int commits,
						bool (*wanted)(Repository *earlier, void *context), void *context)
{
	Repository *found = NULL;
	git_revwalk *walk;
	git_oid id;

	if (repository->git == NULL || git_revwalk_new(&walk, repository->git) != 0)
		return NULL;
	git_revwalk_sorting(walk, GIT_SORT_TIME);
	if (git_revwalk_push(walk, git_commit_id(repository->commit)) == 0)
	{
		/* where a shallow clone ends, so does the walk */
		for (int at = 0; at < commits && !found && git_revwalk_next(&id, walk) == 0; at++)
		{
			found = open_earlier(repository, &id);
			if (found && !wanted(found, context))
			{
				repository_close(found);
				found = NULL;
			}
		}
	}
	git_revwalk_free(walk);
	return found;
}

/* --- walking --------------------------------------------------------------- */

typedef struct Walk
{
	Repository *repository;
	EntryVisitor visit;
	void *context;
} Walk;

static void
walk_tree(const Walk *walk, git_tree *tree, const char *prefix, int depth)
{
	for (size_t at = 0; at < git_tree_entrycount(tree); at++)
	{
		const git_tree_entry *entry = git_tree_entry_byindex(tree, at);
		char *path = psprintf("%s%s", prefix, git_tree_entry_name(entry));
		const git_oid *id = git_tree_entry_id(entry);
		git_tree *below;

		switch (git_tree_entry_filemode(entry))
		{
			case GIT_FILEMODE_TREE:
				if (depth == 0)
					walk->visit(walk->context, ENTRY_FOLDER, path, id);
				else if (git_tree_lookup(&below, walk->repository->git, id) != 0)
					die_of_git("Fetch the whole repository.", "could not read a folder");
				else
				{
					walk_tree(walk, below, psprintf("%s/", path), depth - 1);
					git_tree_free(below);
				}
				break;
			case GIT_FILEMODE_COMMIT:
				walk->visit(walk->context, ENTRY_SUBMODULE, path, id);
				break;
			case GIT_FILEMODE_LINK:
				walk->visit(walk->context, ENTRY_SYMLINK, path, id);
				break;
			default:
				walk->visit(walk->context, ENTRY_FILE, path, id);
		}
		pg_free(path);
	}
}

static void
walk_directory(const Walk *walk, const char *directory, const char *prefix, int depth)
{
	DIR *handle = opendir(directory);
	struct dirent *entry;
	git_oid none;

	if (handle == NULL)
		message_die(EXIT_ERROR, NULL, "could not open directory \"%s\": %m", directory);
	memset(&none, 0, sizeof(none));
	while ((entry = readdir(handle)) != NULL)
	{
		char *path = psprintf("%s%s", prefix, entry->d_name);
		char *file = psprintf("%s/%s", directory, entry->d_name);
		struct stat status;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (lstat(file, &status) != 0)
			message_die(EXIT_ERROR, NULL, "could not stat file \"%s\": %m", file);
		if (S_ISLNK(status.st_mode))
			walk->visit(walk->context, ENTRY_SYMLINK, path, &none);
		else if (S_ISREG(status.st_mode))
			walk->visit(walk->context, ENTRY_FILE, path, &none);
		else if (S_ISDIR(status.st_mode) && depth == 0)
			walk->visit(walk->context, ENTRY_FOLDER, path, &none);
		else if (S_ISDIR(status.st_mode))
			walk_directory(walk, file, psprintf("%s/", path), depth - 1);
		pg_free(file);
		pg_free(path);
	}
	closedir(handle);
}

static char *
path_on_disk(const Repository *repository, const char *path)
{
	return psprintf("%s/%s", repository->config->directory, path);
}

/* What this entry of the commit, or of the work tree, is that does not hold its files; or NULL. */
static const char *
describe_foreign(const Repository *repository, const char *path)
{
	git_tree_entry *entry;
	git_filemode_t mode;
	struct stat status;

	if (repository->git == NULL)
		return lstat(path_on_disk(repository, path), &status) == 0 && S_ISLNK(status.st_mode)
				   ? "a symbolic link"
				   : NULL;
	if (git_tree_entry_bypath(&entry, repository->tree, path) != 0)
		return NULL;
	mode = git_tree_entry_filemode(entry);
	git_tree_entry_free(entry);
	if (mode == GIT_FILEMODE_LINK)
		return "a symbolic link";
	return mode == GIT_FILEMODE_COMMIT ? "a submodule" : NULL;
}

void
repository_require_own(const Repository *repository, const char *path)
{
	for (const char *end = path; *end;)
	{
		char *part;
		const char *foreign;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		part = pnstrdup(path, end - path);
		foreign = describe_foreign(repository, part);
		if (foreign)
			message_die(EXIT_ERROR,
						"Put the files themselves there, or say in dbmaestro.conf where they are: "
						"paths.migrations, paths.rollback, paths.repeatable.",
						"\"%s\" is %s in %s", part, foreign, repository->description);
		pg_free(part);
	}
}

bool
repository_walk(Repository *repository, const char *folder, int depth, EntryVisitor visit,
				void *context)
{
	Walk walk = {repository, visit, context};
	struct stat status;
	git_tree *tree;

	repository_require_own(repository, folder);
	if (repository->git == NULL)
	{
		char *directory = path_on_disk(repository, folder);

		if (stat(directory, &status) != 0 || !S_ISDIR(status.st_mode))
			return false;
		walk_directory(&walk, directory, "", depth);
		return true;
	}
	tree = find_tree(repository->git, repository->tree, folder);
	if (tree == NULL)
		return false;
	walk_tree(&walk, tree, "", depth);
	git_tree_free(tree);
	return true;
}

bool
repository_find(Repository *repository, const char *path, SourceFile *file)
{
	git_tree_entry *entry;
	struct stat status;

	repository_require_own(repository, path);
	memset(file, 0, sizeof(*file));
	file->path = pg_strdup(path);
	if (repository->git == NULL)
		return stat(path_on_disk(repository, path), &status) == 0 && S_ISREG(status.st_mode);
	if (git_tree_entry_bypath(&entry, repository->tree, path) != 0)
		return false;
	git_oid_cpy(&file->id, git_tree_entry_id(entry));
	git_tree_entry_free(entry);
	return true;
}

/* --- reading ---------------------------------------------------------------- */

static char *
read_blob(Repository *repository, const SourceFile *file, size_t *length)
{
	git_blob *blob;
	char *content;

	if (git_blob_lookup(&blob, repository->git, &file->id) != 0)
		die_of_git("Fetch the whole repository: a partial clone leaves files out.",
				   psprintf("could not read \"%s\" of %s", file->path, repository->description));
	*length = git_blob_rawsize(blob);
	content = pg_malloc(*length + 1);
	memcpy(content, git_blob_rawcontent(blob), *length);
	content[*length] = '\0';
	git_blob_free(blob);
	return content;
}

static char *
read_disk(Repository *repository, const SourceFile *file, size_t *length)
{
	char *path = path_on_disk(repository, file->path);
	FILE *stream = fopen(path, "rb");
	struct stat status;
	char *content;

	if (stream == NULL || fstat(fileno(stream), &status) != 0)
		message_die(EXIT_ERROR, NULL, "could not open file \"%s\": %m", path);
	content = pg_malloc(status.st_size + 1);
	*length = fread(content, 1, status.st_size, stream);
	if (ferror(stream))
		message_die(EXIT_ERROR, NULL, "could not read file \"%s\": %m", path);
	content[*length] = '\0';
	fclose(stream);
	pg_free(path);
	return content;
}

char *
repository_read(Repository *repository, const SourceFile *file, size_t *length)
{
	return repository->git ? read_blob(repository, file, length)
						   : read_disk(repository, file, length);
}

char *
repository_folder_id(Repository *repository, const char *folder)
{
	git_tree_entry *entry;
	char *id;

	if (repository->git == NULL)
		return NULL;
	if (folder[0] == '\0' || strcmp(folder, ".") == 0)
		return pg_strdup(git_oid_tostr_s(git_tree_id(repository->tree)));
	/* the folder above names it: the one itself, with all its files, need not be read */
	if (git_tree_entry_bypath(&entry, repository->tree, folder) != 0)
		return pg_strdup("");
	id = pg_strdup(git_oid_tostr_s(git_tree_entry_id(entry)));
	git_tree_entry_free(entry);
	return id;
}

const char *
repository_describe(const Repository *repository)
{
	return repository->description;
}

/* As in ISO 8601, with the offset that the committer had. */
static char *
format_time(const git_time *when)
{
	time_t local = when->time + when->offset * 60;
	struct tm parts;
	char text[64];

	gmtime_r(&local, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	return psprintf("%s%c%02d:%02d", text, when->offset < 0 ? '-' : '+', abs(when->offset) / 60,
					abs(when->offset) % 60);
}

/* Names in commits need not be UTF-8. */
static json_t *
claim(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string(message_printable(text));
}

json_t *
repository_claims(const Repository *repository)
{
	json_t *claims = json_object();
	const git_signature *author;

	if (repository->git == NULL)
	{
		json_object_set_new(claims, "ref", json_string("work tree"));
		return claims;
	}
	author = git_commit_author(repository->commit);
	json_object_set_new(claims, "commit",
						json_string(git_oid_tostr_s(git_commit_id(repository->commit))));
	json_object_set_new(claims, "author", claim(psprintf("%s <%s>", author->name, author->email)));
	json_object_set_new(claims, "committed_at",
						json_string(format_time(&git_commit_committer(repository->commit)->when)));
	json_object_set_new(claims, "ref", claim(repository->reference));
	return claims;
}
