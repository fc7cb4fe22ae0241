# test/house/command-line.sh: SQL of the command line in cli/queries*.c only, versions in cli/compat.h, libgit2 where files are read
status=0
# statements in strings, but where scripts are written; messages that tell people what to run are sentences with a colon before it
if grep -nE '"[( ]*(SELECT|INSERT|UPDATE|DELETE|WITH|CALL|BEGIN|COMMIT|ROLLBACK|SET|CREATE|ALTER|DROP|GRANT) ?[a-z_%("]?' \
    cli/*.c | grep -vE '^cli/(queries|queries_baseline|queries_steps|dump_script)\.c:'; then
    echo "(SQL belongs into cli/queries.c)"
    status=1
fi
if grep -n 'PG_VERSION_NUM\|PG_MAJORVERSION\|LIBPQ_HAS' cli/*.[ch] | grep -v '^cli/compat\.h:'; then
    echo "(differences of libraries belong into cli/compat.h)"
    status=1
fi
if grep -nE '#include <git2' cli/*.c | grep -vE '^cli/(config|repository|ownership|manifest|commit)\.c:'; then
    echo "(cli/repository.c reads Git)"
    status=1
fi
# of the extension only its SQLSTATEs are known
if grep -nE "#include \"($(echo "$ROOMS" | tr ' ' '|'))/" cli/*.[ch] | grep -v '"core/errors\.h"'; then
    echo "(of the extension the command line includes core/errors.h only)"
    status=1
fi
for code in $(sed -nE 's/^#define (ERRCODE_DBM_[A-Z_]+) .*/\1/p' extension/core/errors.h); do
    grep -qw "$code" cli/exit_codes.c || { echo "$code has no row in cli/exit_codes.c"; status=1; }
done
exit $status
