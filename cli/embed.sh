#!/bin/sh
# cli/embed.sh FILE...: the files as texts of a C program, named as they are without folders
echo '/* made by embed.sh */'
echo '#include "postgres_fe.h"'
echo '#include "skeleton.h"'
echo 'const SkeletonText skeleton_texts[] = {'
for file in "$@"; do
    printf '{"%s",\n' "$(basename "$file")"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/^/"/' -e 's/$/\\n"/' "$file"
    echo '},'
done
echo '{NULL, NULL}};'
