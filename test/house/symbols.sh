# test/house/symbols.sh: exported symbols begin with dbm_, _PG_, Pg_magic or pg_finfo_; none of ours is missing
[ -e dbmaestro.so ] || { echo "dbmaestro.so is not built"; exit 1; }
strangers=$(nm -D --defined-only dbmaestro.so | awk '{print $3}' |
    grep -vE '^(dbm_|_PG_|Pg_magic|pg_finfo_dbm_|_init$|_fini$)')
[ -z "$strangers" ] || { echo "$strangers"; exit 1; }
! nm -D --undefined-only dbmaestro.so | grep ' dbm_'
