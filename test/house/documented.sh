# test/house/documented.sh: doc/reference.md names every function, table, view, setting and SQLSTATE; doc/command_line.md every command, option and key
[ -e doc/reference.md ] || { echo "doc/reference.md is missing"; exit 1; }
{
    sed -nE 's/^CREATE FUNCTION (dbm_[a-z_]+).*/\1/p; s/^CREATE (TABLE|VIEW) dbmaestro\.([a-z_]+).*/\2/p' extension/*/*.sql
    sed -nE 's/.*DefineCustom[A-Za-z]+Variable\("(dbmaestro\.[a-z_]+)".*/\1/p' extension/*/*.c
    sed -nE '/dbm_setting_definitions\[/,/^};/s/^[ \t]*(\[[A-Z_]+\] = )?\{"([a-z_]+)".*/\2/p' extension/core/settings.c
    sed -nE "s/.*DBM_SQLSTATE\('(.)', '(.)', '(.)'\).*/MA\1\2\3/p" extension/core/errors.h
} 2>/dev/null | sort -u | {
    status=0
    while read -r name; do
        grep -qwF -- "$name" doc/reference.md || { echo "$name"; status=1; }
    done
    exit $status
} || failed=1
{
    sed -nE '/^const Command commands/,/^};/s/^\t\{"([a-z-]+)", GROUP.*/\1/p' cli/commands.c
    sed -nE 's/.*\{OPTION_[A-Z]+, [^,]+, "([a-z-]+)".*/--\1/p' cli/*.c
    sed -nE "s/^\t\{\"(project|paths|naming|environment)\", \"([a-z_-]+)\".*/\2/p" cli/config.c
    sed -nE 's/^\t\t\.name = "([a-z-]+)",/\1/p' cli/naming.c
} | sort -u | {
    status=0
    while read -r name; do
        grep -qwF -- "$name" doc/command_line.md || { echo "$name"; status=1; }
    done
    exit $status
} || failed=1
[ -z "${failed:-}" ]
