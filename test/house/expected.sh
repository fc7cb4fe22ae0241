# test/house/expected.sh: each test has its expected output, each output its test, and all are run
status=0
for out in expected/*.out; do
    [ -e "$out" ] || continue
    name=$(basename "$out" .out)
    [ -e "sql/$name.sql" ] || [ -e "sql/${name%_[0-9]}.sql" ] ||
        { echo "$out has no test"; status=1; }
done
run=" $(make -s print-regress) "
for sql in sql/*.sql; do
    [ -e "$sql" ] || continue
    name=$(basename "$sql" .sql)
    [ -e "expected/$name.out" ] || { echo "$sql has no expected output"; status=1; }
    [[ $run = *" $name "* ]] || { echo "$sql is not run: its name begins with no room"; status=1; }
done
for spec in test/specs/*.spec; do
    [ -e "$spec" ] || continue
    [ -e "test/expected/$(basename "$spec" .spec).out" ] || { echo "$spec has no expected output"; status=1; }
done
exit $status
