# test/house/words.sh: words that options of the command line allow are those that the server's checks do, and documented
status=0
# words_of START FILE QUOTE: those in quotes, from the line that matches to the end of that list
words_of()
{
    sed -nE "/$1/,/\)\)\$|NULL};\$/p" "$2" | grep -oE "$3[a-z_ ]+$3" | tr -d "$3" | sort
}
# compare CHECK FILE LIST FILE
compare()
{
    local theirs ours word
    theirs=$(words_of "CONSTRAINT $1 " "$2" "'") ours=$(words_of "$3\[\]" "$4" '"')
    [ -n "$theirs" ] && [ "$theirs" = "$ours" ] || { echo "$4: $3 is not what $1 allows"; status=1; }
    while read -r word; do
        grep -qwF -- "$word" doc/command_line.md || { echo "doc/command_line.md lacks \"$word\" of $3"; status=1; }
    done <<<"$ours"
}
compare run_outcome_check extension/ledger/ledger.sql known_outcomes cli/cmd_history.c
compare audit_event_kind_check extension/audit/audit.sql known_kinds cli/cmd_audit.c
exit $status
