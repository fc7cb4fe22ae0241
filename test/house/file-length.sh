# test/house/file-length.sh: no file over 800 lines (over 600: a note), no regression test over 200
status=0
for file in $(test/house/files '\.([ch]|sql|p[lm]|sh)$|^test/'); do
    lines=$(wc -l <"$file")
    limit=800
    case $file in
        sql/*) limit=200 ;;
        test/house/*) limit=30 ;;
    esac
    if [ "$lines" -gt "$limit" ]; then
        echo "$file: $lines lines, at most $limit"
        status=1
    elif [ "$lines" -gt 600 ]; then
        echo "$file has $lines lines"
    fi
done
exit $status
