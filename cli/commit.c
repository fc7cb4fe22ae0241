/*
 * cli/commit.c: a commit that brings one file, and a tag on it
 *
 * First it is made, which nobody sees, so that the server can be told its name;
 * once the server agrees, the branch, the index and the tag follow.
 */
#include "postgres_fe.h"

#include <time.h>

#include <git2.h>

#include "commit.h"
#include "message.h"
#include "repository.h"

struct Commit
{
	git_repository *git;
	git_commit *parent;			/* NULL: the first commit */
	git_signature *signature;
	char *folder;				/* of the configuration in the repository, "" or with a slash behind */
	char *tag;
	char *reference;			/* what HEAD is: a branch, or HEAD itself */
	char *path;					/* in the repository */
	git_oid blob;
	git_oid id;
};

static const char *
git_reason(void)
{
	const git_error *fault = git_error_last();

	return fault ? fault->message : "no reason was given";
}

DBM_NORETURN static void
die_of_git(const char *what)
{
	message_die(EXIT_ERROR, NULL, "%s: %s", what, git_reason());
}

/* --- before ------------------------------------------------------------------------ */

bool
commit_has_head(const Config *config)
{
	git_repository *git = repository_open_git(config);
	bool unborn = git_repository_head_unborn(git) == 1;

	git_repository_free(git);
	return !unborn;
}

/* Finds the commit that comes before, and what is to point to the new one. */
static void
find_head(Commit *commit)
{
	git_reference *head = NULL;
	git_oid id;

	if (git_reference_lookup(&head, commit->git, "HEAD") != 0)
		die_of_git("could not read HEAD");
	if (git_reference_type(head) == GIT_REFERENCE_SYMBOLIC)
		commit->reference = pg_strdup(git_reference_symbolic_target(head));
	else
		commit->reference = pg_strdup("HEAD");
	git_reference_free(head);
	if (git_repository_head_unborn(commit->git) == 1)
		return;
	if (git_reference_name_to_id(&id, commit->git, "HEAD") != 0 ||
		git_commit_lookup(&commit->parent, commit->git, &id) != 0)
		die_of_git("could not read HEAD");
}

static void
find_folder(Commit *commit, const Config *config)
{
	const char *root = git_repository_workdir(commit->git);
	const char *directory = config->directory;
	size_t length;

	if (root == NULL)
		message_die(EXIT_ERROR, "Work in a clone of it.", "the repository has no work tree");
	length = strlen(root);
	while (length > 0 && root[length - 1] == '/')
		length--;
	directory += strncmp(root, directory, length) == 0 ? length : strlen(directory);
	directory += strspn(directory, "/");
	commit->folder = directory[0] ? psprintf("%s/", directory) : pg_strdup("");
}

/* What others have staged would get into a commit that says something else, or be lost from it. */
static void
require_clean_index(const Commit *commit)
{
	git_tree *tree = NULL;
	git_diff *difference = NULL;
	git_index *index;

	if (commit->parent && git_commit_tree(&tree, commit->parent) != 0)
		die_of_git("could not read HEAD");
	if (git_repository_index(&index, commit->git) != 0 ||
		git_diff_tree_to_index(&difference, commit->git, tree, index, NULL) != 0)
		die_of_git("could not read the index");
	if (git_diff_num_deltas(difference) > 0)
		message_die(EXIT_ERROR, "Commit it, or take it back with \"git restore --staged .\"",
					"something is staged in the repository: \"%s\"",
					git_diff_get_delta(difference, 0)->new_file.path);
	git_diff_free(difference);
	git_index_free(index);
	git_tree_free(tree);
}

static void
find_signature(Commit *commit)
{
	const char *name = getenv("GIT_AUTHOR_NAME");
	const char *address = getenv("GIT_AUTHOR_EMAIL");

	if (name && address && git_signature_now(&commit->signature, name, address) == 0)
		return;
	if (git_signature_default(&commit->signature, commit->git) != 0)
		message_die(
			EXIT_ERROR,
			"Run \"git config user.name 'Your Name'\" and \"git config user.email you@example.org\".",
			"Git does not know who you are: %s", git_reason());
}

static void
require_no_tag(const Commit *commit)
{
	git_oid id;
	char *name = psprintf("refs/tags/%s", commit->tag);

	if (git_reference_name_to_id(&id, commit->git, name) == 0)
		message_die(EXIT_ERROR,
					psprintf("If it is of an attempt before, run: git tag -d %s", commit->tag),
					"there is a tag \"%s\" already", commit->tag);
	pg_free(name);
}

Commit *
commit_prepare(const Config *config, const char *tag)
{
	Commit *commit = pg_malloc0(sizeof(Commit));

	commit->git = repository_open_git(config);
	commit->tag = pg_strdup(tag);
	find_head(commit);
	find_folder(commit, config);
	if (git_repository_state(commit->git) != GIT_REPOSITORY_STATE_NONE)
		message_die(EXIT_ERROR, "Finish it, or abort it.",
					"a merge, rebase or the like is under way in the repository");
	require_clean_index(commit);
	find_signature(commit);
	require_no_tag(commit);
	return commit;
}

/* --- making ------------------------------------------------------------------------- */

static git_index_entry
make_entry(const Commit *commit, size_t length)
{
	git_index_entry entry = {.mode = GIT_FILEMODE_BLOB,
							 .id = commit->blob,
							 .path = commit->path,
							 .file_size = (uint32_t) length};

	return entry;
}

/* The tree of HEAD with the file in it. */
static git_tree *
make_tree(const Commit *commit)
{
	git_index *index;
	git_index_entry entry = make_entry(commit, 0);
	git_tree *before = NULL;
	git_tree *tree;
	git_oid id;

	if (git_index_new(&index) != 0 ||
		(commit->parent && (git_commit_tree(&before, commit->parent) != 0 ||
							git_index_read_tree(index, before) != 0)) ||
		git_index_add(index, &entry) != 0 ||
		git_index_write_tree_to(&id, index, commit->git) != 0 ||
		git_tree_lookup(&tree, commit->git, &id) != 0)
		die_of_git("could not write to the repository");
	git_tree_free(before);
	git_index_free(index);
	return tree;
}

char *
commit_make(Commit *commit, const char *path, const char *content, size_t length,
			const char *message)
{
	const git_commit *parents[] = {commit->parent};
	git_tree *tree;

	/* not through the filters for files: they may turn line ends, and with them the hash */
	if (git_blob_create_from_buffer(&commit->blob, commit->git, content, length) != 0)
		die_of_git("could not write to the repository");
	commit->path = psprintf("%s%s", commit->folder, path);
	tree = make_tree(commit);
	if (git_commit_create(&commit->id, commit->git, NULL, commit->signature, commit->signature,
						  NULL, message, tree, commit->parent ? 1 : 0, parents) != 0)
		die_of_git("could not write to the repository");
	git_tree_free(tree);
	return pg_strdup(git_oid_tostr_s(&commit->id));
}

json_t *
commit_claims(const Commit *commit)
{
	json_t *claims = json_object();
	char *author = message_printable(
		psprintf("%s <%s>", commit->signature->name, commit->signature->email));
	time_t when = commit->signature->when.time;
	struct tm parts;
	char text[64];

	gmtime_r(&when, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+00:00", &parts);
	json_object_set_new(claims, "commit", json_string(git_oid_tostr_s(&commit->id)));
	json_object_set_new(claims, "author", json_string(author));
	json_object_set_new(claims, "committed_at", json_string(text));
	json_object_set_new(claims, "ref", json_string("HEAD"));
	return claims;
}

/* --- showing ------------------------------------------------------------------------ */

static bool
move_branch(const Commit *commit, const char *message)
{
	git_reference *reference = NULL;
	const git_oid *before = commit->parent ? git_commit_id(commit->parent) : NULL;
	int code;

	if (strcmp(commit->reference, "HEAD") == 0)
		return git_repository_set_head_detached(commit->git, &commit->id) == 0;
	/* unless somebody else has moved it meanwhile */
	if (before)
		code = git_reference_create_matching(&reference, commit->git, commit->reference,
											 &commit->id, 1, before, message);
	else
		code = git_reference_create(&reference, commit->git, commit->reference, &commit->id, 0,
									message);
	git_reference_free(reference);
	return code == 0;
}

static bool
set_tag(const Commit *commit, const char *message)
{
	git_object *target = NULL;
	git_oid id;
	bool set = git_object_lookup(&target, commit->git, &commit->id, GIT_OBJECT_COMMIT) == 0 &&
			   git_tag_create(&id, commit->git, commit->tag, target, commit->signature, message,
							  0) == 0;

	git_object_free(target);
	return set;
}

static bool
update_index(const Commit *commit)
{
	git_index *index = NULL;
	git_index_entry entry = make_entry(commit, 0);
	bool updated = git_repository_index(&index, commit->git) == 0 &&
				   git_index_read(index, 1) == 0 && git_index_add(index, &entry) == 0 &&
				   git_index_write(index) == 0;

	git_index_free(index);
	return updated;
}

bool
commit_publish(Commit *commit, const char *message)
{
	char *name = psprintf("refs/tags/%s", commit->tag);

	if (set_tag(commit, message))
	{
		if (move_branch(commit, message))
		{
			/* a stale index shows in "git status" and loses nothing */
			if (!update_index(commit))
				message_warning("could not write the index of the repository: %s", git_reason());
			return true;
		}
		message_error("could not commit: %s", git_reason());
		(void) git_reference_remove(commit->git, name);
	}
	else
		message_error("could not set the tag \"%s\": %s", commit->tag, git_reason());
	message_hint("Nothing was changed in the repository, nor in the environment.");
	return false;
}
