# test/house/top-level.sh: nothing new beside the doors of the house, and no path of one machine
status=0
allowed=' Makefile extension sql cli expected test README.md dbmaestro.control doc LICENSE CHANGELOG.md META.json .ci '
for name in $(test/house/files | cut -d/ -f1 | sort -u); do
    case $name in .*) continue ;; esac
    [[ $allowed = *" $name "* ]] || { echo "$name does not belong at the top"; status=1; }
done
if test/house/files | xargs grep -nIE '/(wor[k]|far[m]|roo[t]|hom[e])/'; then
    status=1
fi
exit $status
