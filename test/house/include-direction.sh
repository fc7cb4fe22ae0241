# test/house/include-direction.sh: a room includes itself and what is below it, never what is above
status=0
above=" $ROOMS "
for room in $ROOMS; do
    above=" ${above#* "$room" }"
    [ -d "extension/$room" ] || continue
    for other in $above; do
        if grep -nE "^#include \"$other/" "extension/$room"/*.[ch]; then
            echo "(room $room is below room $other)"
            status=1
        fi
    done
done
if grep -rnE '^#include "[^"]*/\.\./|^#include "\.\.' extension; then
    status=1
fi
exit $status
