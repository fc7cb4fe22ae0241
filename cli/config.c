/*
 * cli/config.c: dbmaestro.conf, in the syntax of Git's own configuration
 *
 * A key of the file is overridden by the environment variable that bears its
 * name (naming.style: DBMAESTRO_NAMING_STYLE; environment.prod.service:
 * DBMAESTRO_ENVIRONMENT_PROD_SERVICE), and both by --set.
 */
#include "postgres_fe.h"

#include <regex.h>
#include <unistd.h>

#include <git2.h>

#include "catalog/pg_type_d.h"

#include "compat.h"
#include "config.h"
#include "message.h"
#include "naming.h"
#include "options.h"
#include "print.h"
#include "table.h"

#define CONFIG_NAME "dbmaestro.conf"

/* Raises for a value that does not fit; where is the key as people write it. */
typedef void (*CheckFunction)(const char *where, const char *value);

typedef struct ConfigKey
{
	const char *section;
	const char *name;
	size_t offset;				/* in Config, or in Environment */
	CheckFunction check;
	const char *help;
	bool gathers;				/* said several times, the values add up */
} ConfigKey;

static void check_conninfo(const char *where, const char *value);
static void check_folder(const char *where, const char *value);
static void check_grants(const char *where, const char *value);
static void check_order(const char *where, const char *value);
static void check_pattern(const char *where, const char *value);
static void check_regex(const char *where, const char *value);
static void check_style(const char *where, const char *value);
static void check_word(const char *where, const char *value);

static const ConfigKey keys[] = {
	{"project", "name", offsetof(Config, project), check_word, "name of the project"},
	{"paths", "migrations", offsetof(Config, migrations), check_folder,
	 "folder of the scripts, relative to the configuration"},
	{"paths", "rollback", offsetof(Config, rollbacks), check_folder,
	 "folder of the rollback scripts; as paths.migrations unless set"},
	{"paths", "repeatable", offsetof(Config, repeatables), check_folder,
	 "folder of the scripts that run again whenever they change"},
	{"naming", "style", offsetof(Config, style), check_style,
	 "convention of the names: dbmaestro, plain, flyway, golang-migrate, diesel or sqitch"},
	{"naming", "script", offsetof(Config, script), check_pattern,
	 "pattern of scripts in their folder; * is the name of the change"},
	{"naming", "rollback", offsetof(Config, rollback), check_pattern,
	 "pattern of rollback scripts"},
	{"naming", "repeatable", offsetof(Config, repeatable), check_pattern,
	 "pattern of repeatable scripts"},
	{"naming", "order", offsetof(Config, order), check_order,
	 "name: byte by byte; number: by the version that names begin with; date: the same, where it is "
	 "a date with dashes or without; plan: as in sqitch.plan"},
	{"naming", "pattern", offsetof(Config, pattern), check_regex,
	 "regular expression that check holds names against"},
	{"environment", "conninfo", offsetof(Environment, conninfo), check_conninfo,
	 "connection string of libpq, without a password"},
	{"environment", "service", offsetof(Environment, service), check_word,
	 "connection service (pg_service.conf), instead of conninfo"},
	{"environment", "follows", offsetof(Environment, follows), check_word,
	 "the environment before this one"},
	{"environment", "run-as", offsetof(Environment, run_as), check_word,
	 "role that scripts run as, for init; whoever applies them unless set"},
	{"environment", "grant", offsetof(Environment, grants), check_grants,
	 "who may do what, for init: capability:role, ...; may be repeated", true},
};

DBM_NORETURN static void
refuse_value(const char *where, const char *value, const char *hint)
{
	message_die(EXIT_USAGE, hint, "invalid value for %s: \"%s\"", where, value);
}

static void
check_word(const char *where, const char *value)
{
	if (value[0] == '\0')
		refuse_value(where, value, "Give it a value, or leave the key out.");
}

static void
check_folder(const char *where, const char *value)
{
	if (value[0] == '\0' || value[0] == '/' || strcmp(value, "..") == 0 ||
		strncmp(value, "../", 3) == 0 || strstr(value, "/../") ||
		(strlen(value) > 2 && strcmp(value + strlen(value) - 3, "/..") == 0))
		refuse_value(where, value, "Give a folder below the one of " CONFIG_NAME ".");
}

static void
check_grants(const char *where, const char *value)
{
	const char *rest = value;
	char *capability;
	char *role;

	if (value[strspn(value, " ,")] == '\0')
		refuse_value(where, value, "Write capability:role, as in \"deploy:ci\".");
	while (config_next_grant(&rest, &capability, &role))
	{
		if (capability[0] == '\0' || role[0] == '\0')
			refuse_value(where, value, "Write capability:role, as in \"deploy:ci\".");
	}
}

static void
check_style(const char *where, const char *value)
{
	if (naming_style(value) == NULL)
		refuse_value(where, value, psprintf("It is one of: %s.", naming_list_styles()));
}

static void
check_pattern(const char *where, const char *value)
{
	if (!naming_is_pattern(value))
		refuse_value(where, value, "A pattern is a path with one *, as in \"*.up.sql\".");
}

static void
check_order(const char *where, const char *value)
{
	if (strcmp(value, "name") != 0 && strcmp(value, "number") != 0 && strcmp(value, "date") != 0 &&
		strcmp(value, "plan") != 0)
		refuse_value(where, value, "It is one of: name, number, date, plan.");
}

static void
check_regex(const char *where, const char *value)
{
	regex_t compiled;

	if (regcomp(&compiled, value, REG_EXTENDED | REG_NOSUB) != 0)
		refuse_value(where, value, "It is an extended regular expression of POSIX.");
	regfree(&compiled);
}

/* Whatever libpq would not show on a screen has no place in a file under version control. */
static void
check_conninfo(const char *where, const char *value)
{
	char *fault = NULL;
	PQconninfoOption *options = PQconninfoParse(value, &fault);

	if (options == NULL)
		message_die(EXIT_USAGE, "See \"Connection Strings\" in the documentation of libpq.",
					"invalid value for %s: %s", where, fault ? fault : "out of memory");
	for (PQconninfoOption *option = options; option->keyword; option++)
	{
		if (option->val && option->val[0] && strchr(option->dispchar, '*'))
			message_die(EXIT_USAGE,
						"Put it into ~/.pgpass, a service file, or the environment variable "
						"PGPASSWORD.",
						"%s holds a password (%s)", where, option->keyword);
	}
	PQconninfoFree(options);
}

/* --- one key ------------------------------------------------------------ */

static char **
slot_of(Config *config, Environment *environment, const ConfigKey *key)
{
	void *base = strcmp(key->section, "environment") == 0 ? (void *) environment : (void *) config;

	return (char **) ((char *) base + key->offset);
}

static const ConfigKey *
find_key(const char *section, const char *name)
{
	for (int at = 0; at < lengthof(keys); at++)
	{
		if (strcmp(keys[at].section, section) == 0 && strcmp(keys[at].name, name) == 0)
			return &keys[at];
	}
	return NULL;
}

static Environment *
find_environment(const Config *config, const char *name)
{
	for (int at = 0; at < config->environment_count; at++)
	{
		if (strcmp(config->environments[at].name, name) == 0)
			return &config->environments[at];
	}
	return NULL;
}

static Environment *
add_environment(Config *config, const char *name)
{
	Environment *environment = find_environment(config, name);

	if (environment)
		return environment;
	if (name[0] == '\0')
		message_die(EXIT_USAGE, "Write [environment \"prod\"].", "an environment has no name");
	config->environments = pg_realloc(config->environments,
									  (config->environment_count + 1) * sizeof(Environment));
	environment = &config->environments[config->environment_count++];
	*environment = (Environment) {.name = pg_strdup(name)};
	return environment;
}

/* Splits section.subsection.name; the subsection, an environment, may hold dots. */
static bool
split_key(const char *key, char **section, char **middle, char **name)
{
	const char *first = strchr(key, '.');
	const char *last = strrchr(key, '.');

	if (first == NULL)
		return false;
	*section = pnstrdup(key, first - key);
	*name = pg_strdup(last + 1);
	*middle = last > first ? pnstrdup(first + 1, last - first - 1) : NULL;
	return true;
}

/* Sets a key; source is where it was said.  Said twice in the file, it is refused. */
static void
set_key(Config *config, const char *full_key, const char *value, const char *source, bool once)
{
	char *section;
	char *middle;
	char *name;
	const ConfigKey *key = NULL;
	Environment *environment = NULL;
	char **slot;

	if (split_key(full_key, &section, &middle, &name))
		key = find_key(section, name);
	if (key == NULL || (middle != NULL) != (strcmp(key->section, "environment") == 0))
		message_die(EXIT_USAGE, "Run \"dbmaestro help configuration\" to see all keys.",
					"unrecognized key \"%s\" in %s", full_key, source);
	if (middle)
		environment = add_environment(config, middle);
	slot = slot_of(config, environment, key);
	if (once && *slot && !key->gathers)
		message_die(EXIT_USAGE, "Say it once.", "key \"%s\" is set twice in %s", full_key, source);
	if (value == NULL)
		value = "";
	key->check(psprintf("%s in %s", full_key, source), value);
	*slot = once && *slot ? psprintf("%s, %s", *slot, value) : pg_strdup(value);
}

/* --- where values come from ---------------------------------------------- */

/* The configuration here or above, or NULL. */
static char *
find_file(void)
{
	char *directory = getcwd(NULL, 0);

	if (directory == NULL)
		message_die(EXIT_ERROR, NULL, "could not get current directory: %m");
	for (;;)
	{
		char *file = psprintf("%s/" CONFIG_NAME, directory);
		char *slash = strrchr(directory, '/');

		if (access(file, F_OK) == 0)
			return file;
		pg_free(file);
		if (slash == NULL || slash == directory)
			return NULL;
		*slash = '\0';
	}
}

static void
read_file(Config *config)
{
	git_config *file;
	git_config_iterator *iterator;
	git_config_entry *entry;

	if (access(config->file, R_OK) != 0)
		message_die(EXIT_USAGE, NULL, "could not read \"%s\": %m", config->file);
	if (git_config_open_ondisk(&file, config->file) != 0 ||
		git_config_iterator_new(&iterator, file) != 0)
		message_die(EXIT_USAGE, "It is in the syntax of Git's own configuration.",
					"could not read \"%s\": %s", config->file, git_error_last()->message);
	while (git_config_next(&entry, iterator) == 0)
		set_key(config, entry->name, entry->value, config->file, true);
	git_config_iterator_free(iterator);
	git_config_free(file);
}

/* DBMAESTRO_ENVIRONMENT_PROD_CONNINFO for environment.prod.conninfo. */
static char *
variable_name(const ConfigKey *key, const Environment *environment)
{
	char *name = psprintf("DBMAESTRO_%s_%s%s%s", key->section, environment ? environment->name : "",
						  environment ? "_" : "", key->name);

	for (char *at = name; *at; at++)
	{
		*at = pg_toupper((unsigned char) *at);
		if (!(*at >= 'A' && *at <= 'Z') && !(*at >= '0' && *at <= '9'))
			*at = '_';
	}
	return name;
}

static void
read_variable(Config *config, const ConfigKey *key, const Environment *environment)
{
	char *variable = variable_name(key, environment);
	const char *value = getenv(variable);

	if (value)
		set_key(config,
				psprintf("%s.%s%s%s", key->section, environment ? environment->name : "",
						 environment ? "." : "", key->name),
				value, variable, false);
	pg_free(variable);
}

static void
read_variables(Config *config)
{
	for (int at = 0; at < lengthof(keys); at++)
	{
		if (strcmp(keys[at].section, "environment") != 0)
			read_variable(config, &keys[at], NULL);
		for (int which = 0;
			 which < config->environment_count && strcmp(keys[at].section, "environment") == 0;
			 which++)
			read_variable(config, &keys[at], &config->environments[which]);
	}
}

static void
read_flags(Config *config)
{
	for (int at = 0; at < option_set.count; at++)
	{
		char *key = pg_strdup(option_set.items[at]);
		char *equals = strchr(key, '=');

		if (equals == NULL)
			message_die(EXIT_USAGE, "Write --set naming.style=flyway.",
						"invalid value for --set: \"%s\"", key);
		*equals = '\0';
		set_key(config, key, equals + 1, "--set", false);
	}
}

/* --- the whole ------------------------------------------------------------ */

static void
check_connection(const Environment *environment)
{
	if (environment->conninfo && environment->service)
		message_die(EXIT_USAGE, "Say one of them; a service may be named in conninfo too.",
					"environment \"%s\" has both conninfo and service", environment->name);
	if (!environment->conninfo && !environment->service)
		message_die(EXIT_USAGE,
					psprintf("Add \"conninfo = host=... dbname=...\" or \"service = ...\" to "
							 "[environment \"%s\"].",
							 environment->name),
					"environment \"%s\" has neither conninfo nor service", environment->name);
}

/* Follows the pipeline backwards: it must come to a first one. */
static void
check_order_of(const Config *config, const Environment *environment)
{
	char *way = pg_strdup(environment->name);
	const Environment *at = environment;

	for (int steps = 0; at->follows; steps++)
	{
		const Environment *before = find_environment(config, at->follows);

		if (before == NULL)
			message_die(EXIT_USAGE, "Name an environment of this file.",
						"environment \"%s\" follows \"%s\", which is not configured", at->name,
						at->follows);
		way = psprintf("%s, which follows %s", way, before->name);
		if (steps >= config->environment_count || before == environment)
			message_die(EXIT_USAGE, "Let the first environment of the pipeline follow none.",
						"environments follow one another in a circle: %s", way);
		at = before;
	}
}

static void
set_default(char **slot, const char *value)
{
	if (*slot == NULL && value)
		*slot = pg_strdup(value);
}

static void
take_style(Config *config)
{
	const NamingStyle *style = naming_style(config->style);

	set_default(&config->style, style->name);
	set_default(&config->migrations, style->migrations);
	set_default(&config->rollbacks, style->rollbacks ? style->rollbacks : config->migrations);
	set_default(&config->repeatables, style->repeatables);
	set_default(&config->script, style->script);
	set_default(&config->rollback, style->rollback);
	set_default(&config->repeatable, style->repeatable);
	set_default(&config->order, style->order);
	set_default(&config->pattern, style->pattern);
}

const Config *
config_load(void)
{
	static Config config;
	char *slash;

	git_libgit2_init();
	config.file = option_config ? realpath(option_config, NULL) : find_file();
	if (option_config && config.file == NULL)
		message_die(EXIT_USAGE,
					"Name a file that is there, or leave --config and DBMAESTRO_CONFIG out.",
					"could not read \"%s\": %m", option_config);
	if (config.file == NULL)
		message_die(
			EXIT_USAGE,
			"Go to the repository, name the file with --config, or begin a repository here: "
			"dbmaestro init",
			"there is no " CONFIG_NAME " here or above");
	config.directory = pg_strdup(config.file);
	slash = strrchr(config.directory, '/');
	slash[slash == config.directory ? 1 : 0] = '\0';
	read_file(&config);
	read_variables(&config);
	read_flags(&config);
	for (int at = 0; at < config.environment_count; at++)
	{
		check_connection(&config.environments[at]);
		check_order_of(&config, &config.environments[at]);
	}
	take_style(&config);
	return &config;
}

const Environment *
config_environment(const Config *config, const char *name)
{
	const Environment *environment = find_environment(config, name);
	char *known = pg_strdup("");

	if (environment)
		return environment;
	for (int at = 0; at < config->environment_count; at++)
		known = psprintf("%s%s%s", known, at ? ", " : "", config->environments[at].name);
	message_die(EXIT_USAGE,
				known[0] ? psprintf("Configured are: %s.", known)
						 : "Add [environment \"dev\"] with a line \"conninfo = ...\".",
				"environment \"%s\" is not in \"%s\"", name, config->file);
}

/* The text between the two places without the blanks around it. */
static char *
trim(const char *from, const char *to)
{
	while (from < to && *from == ' ')
		from++;
	while (to > from && to[-1] == ' ')
		to--;
	return pnstrdup(from, to - from);
}

bool
config_next_grant(const char **grants, char **capability, char **role)
{
	const char *start = *grants + strspn(*grants, " ,");
	const char *end = start + strcspn(start, ",");
	const char *colon = start + strcspn(start, ":,");

	if (*start == '\0')
		return false;
	*capability = trim(start, colon);
	*role = trim(colon < end ? colon + 1 : end, end);
	*grants = end;
	return true;
}

void
config_each_key(void (*act)(void *context, const char *key, const char *help), void *context)
{
	for (int at = 0; at < lengthof(keys); at++)
	{
		bool named = strcmp(keys[at].section, "environment") == 0;
		char *key = psprintf("%s.%s%s", keys[at].section, named ? "NAME." : "", keys[at].name);

		act(context, key, keys[at].help);
		pg_free(key);
	}
}

static void
add_key_row(void *table, const char *key, const char *help)
{
	table_add(table, key, help);
}

void
config_print_keys(void)
{
	static const TableColumn columns[] = {{"key", TEXTOID}, {"meaning", TEXTOID}, {NULL, 0}};
	PGresult *table = table_make(columns);

	config_each_key(add_key_row, table);
	print_rows(table, NULL);
	PQclear(table);
}
