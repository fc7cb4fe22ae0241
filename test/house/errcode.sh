# test/house/errcode.sh: every ereport from WARNING up carries errcode
find extension -name '*.c' -print0 | sort -z | xargs -0 awk '
    !text && /(^|[^a-z_])ereport\(/ { text = ""; line = FNR; inside = 1 }
    inside { text = text $0 "\n" }
    inside && /\);[ \t]*$/ {
        if (text !~ /errcode/ && text !~ /ereport\((LOG|DEBUG|COMMERROR|NOTICE|INFO)/) {
            print FILENAME ":" line ": ereport without errcode"
            bad = 1
        }
        inside = 0; text = ""
    }
    END { exit bad }'
