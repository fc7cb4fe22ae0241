# test/house/server-version.sh: differences of servers stand in core/compat.h and nowhere else
! grep -rn 'PG_VERSION_NUM\|PG_MAJORVERSION' extension --include='*.[ch]' | grep -v '^extension/core/compat\.h:'
