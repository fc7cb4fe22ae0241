# test/house/whitespace.sh: tabs in C, none in SQL and Perl, nothing trailing but in tests, LF
status=0
sources=$(test/house/files '\.([ch]|sql|p[lm]|sh|md)$|^Makefile$')
tab=$(printf '\t') cr=$(printf '\r')
# shellcheck disable=SC2086
grep -nE "[ $tab]+\$|$cr" $(echo "$sources" | grep -v "^sql/") /dev/null && status=1
for file in $sources; do
    [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ] && { echo "$file: no newline at its end"; status=1; }
    case $file in
        *.c | *.h) grep -nE '^    ' "$file" | sed "s|^|$file:|" | grep . && status=1 ;;
        *.sql | *.pl | *.pm) grep -n "^ *$tab" "$file" | sed "s|^|$file:|" | grep . && status=1 ;;
    esac
done
exit $status
