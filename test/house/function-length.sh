# test/house/function-length.sh: no C function over 100 lines, mean at most 35
find extension cli -name '*.c' -print0 | sort -z | xargs -0 awk '
    /^\{/ && previous ~ /\)$/ { start = FNR }
    /^\}/ && start {
        length_ = FNR - start + 1
        total += length_; functions++
        if (length_ > 100) { print FILENAME ":" start ": function of " length_ " lines"; bad = 1 }
        start = 0
    }
    { previous = $0 }
    END {
        if (functions && total / functions > 35) { print "mean length " total / functions; bad = 1 }
        exit bad
    }'
