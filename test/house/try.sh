# test/house/try.sh: no return or goto inside PG_TRY: it leaves the exception stack dangling
find extension -name '*.c' -print0 | sort -z | xargs -0 awk '
    /PG_TRY\(/ { inside = 1 }
    inside && /(^|[^a-zA-Z_])(return|goto)[ ;(]/ && !/^[ \t]*(\/?\*)/ {
        print FILENAME ":" FNR ":" $0
        bad = 1
    }
    /PG_(FINALLY|CATCH|END_TRY)\(/ { inside = 0 }
    END { exit bad }'
