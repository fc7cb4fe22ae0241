/*
 * core/compat.h: every difference between PostgreSQL 15, 16, 17 and 18
 *
 * No other file tests PG_VERSION_NUM.
 */
#ifndef DBM_CORE_COMPAT_H
#define DBM_CORE_COMPAT_H

#include "access/heapam.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "parser/parse_relation.h"
#include "storage/buf_internals.h"
#include "storage/bufpage.h"
#include "storage/proc.h"
#include "utils/guc_tables.h"

/* 16 moved SET_VARSIZE and VARDATA out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 16 renamed what names the file of a relation. */
#if PG_VERSION_NUM >= 160000
#define dbm_set_sequence_record(record, relation) ((record)->locator = (relation)->rd_locator)
#else
#define dbm_set_sequence_record(record, relation) ((record)->node = (relation)->rd_node)
#endif

/* 18 writes it before the declaration, 15 to 17 behind; compilers take it before. */
#define DBM_NORETURN __attribute__((noreturn))

/* 16 added the argument onlySummarizing to ExecInsertIndexTuples. */
#if PG_VERSION_NUM >= 160000
#define dbm_insert_index_tuples(rri, slot, estate, update) \
	ExecInsertIndexTuples(rri, slot, estate, update, false, NULL, NIL, false)
#else
#define dbm_insert_index_tuples(rri, slot, estate, update) \
	ExecInsertIndexTuples(rri, slot, estate, update, false, NULL, NIL)
#endif

/* 16 keeps permissions apart from range table entries; 18 wants the unpruned relations too. */
#if PG_VERSION_NUM >= 180000
#define dbm_init_range_table(estate, rte, perminfos) \
	ExecInitRangeTable(estate, list_make1(rte), perminfos, bms_make_singleton(1))
#elif PG_VERSION_NUM >= 160000
#define dbm_init_range_table(estate, rte, perminfos) \
	ExecInitRangeTable(estate, list_make1(rte), perminfos)
#else
#define dbm_init_range_table(estate, rte, perminfos) ExecInitRangeTable(estate, list_make1(rte))
#endif

#if PG_VERSION_NUM >= 160000
#define dbm_perminfos(rte, list) addRTEPermissionInfo(list, rte)
#else
#define dbm_perminfos(rte, list) ((void) (list))
#endif

/* 18 renamed the prepared CHECK constraints, having NOT NULL ones to keep beside them. */
#if PG_VERSION_NUM >= 180000
#define dbm_check_states(result) ((result)->ri_CheckConstraintExprs)
#else
#define dbm_check_states(result) ((result)->ri_ConstraintExprs)
#endif

/* 18 dropped the argument execute_once. */
#if PG_VERSION_NUM >= 180000
#define dbm_executor_run(qdesc) ExecutorRun(qdesc, ForwardScanDirection, 0)
#else
#define dbm_executor_run(qdesc) ExecutorRun(qdesc, ForwardScanDirection, 0, true)
#endif

/* 18 dropped the argument run_once. */
#if PG_VERSION_NUM >= 180000
#define dbm_portal_run(portal, dest, qc) PortalRun(portal, FETCH_ALL, true, dest, dest, qc)
#else
#define dbm_portal_run(portal, dest, qc) PortalRun(portal, FETCH_ALL, true, true, dest, dest, qc)
#endif

/* 16 renamed pg_foo_ownercheck functions into object_ownercheck. */
#if PG_VERSION_NUM >= 160000
#define dbm_owns_namespace(oid, role) object_ownercheck(NamespaceRelationId, oid, role)
#define dbm_owns_relation(oid, role) object_ownercheck(RelationRelationId, oid, role)
#else
#define dbm_owns_relation(oid, role) pg_class_ownercheck(oid, role)
#define dbm_owns_namespace(oid, role) pg_namespace_ownercheck(oid, role)
#endif

#if PG_VERSION_NUM >= 160000
#define dbm_may_use_namespace(oid, role) \
	(object_aclcheck(NamespaceRelationId, oid, role, ACL_USAGE) == ACLCHECK_OK)
#else
#define dbm_may_use_namespace(oid, role) \
	(pg_namespace_aclcheck(oid, role, ACL_USAGE) == ACLCHECK_OK)
#endif

/* 16 tells through an argument which indexes an update needs. */
#if PG_VERSION_NUM >= 160000
static inline void
dbm_simple_heap_update(Relation relation, ItemPointer tid, HeapTuple tuple)
{
	TU_UpdateIndexes update_indexes;

	simple_heap_update(relation, tid, tuple, &update_indexes);
}
#else
#define dbm_simple_heap_update(relation, tid, tuple) simple_heap_update(relation, tid, tuple)
#endif

/* 16 knows how the client proved who it is. */
#if PG_VERSION_NUM >= 160000
#define dbm_system_user() GetSystemUser()
#else
#define dbm_system_user() NULL
#endif

/* 16 renamed the reader of another backend's status. */
#if PG_VERSION_NUM >= 160000
#define dbm_backend_status(at) pgstat_get_local_beentry_by_index(at)
#else
#define dbm_backend_status(at) pgstat_fetch_stat_local_beentry(at)
#endif

/* 16 renamed SetSingleFuncCall, which 15 had back-patched from it. */
#if PG_VERSION_NUM >= 160000
#define dbm_init_set_result(fcinfo) InitMaterializedSRF(fcinfo, 0)
#else
#define dbm_init_set_result(fcinfo) SetSingleFuncCall(fcinfo, 0)
#endif

/* 17 moved the local transaction id. */
#if PG_VERSION_NUM >= 170000
#define dbm_local_transaction_id() (MyProc->vxid.lxid)
#else
#define dbm_local_transaction_id() (MyProc->lxid)
#endif

/* Are two lines of the lock table of one transaction?  17 made one struct of its two numbers. */
#if PG_VERSION_NUM >= 170000
#define dbm_same_holder(left, right) VirtualTransactionIdEquals((left)->vxid, (right)->vxid)
#else
#define dbm_same_holder(left, right) \
	((left)->backend == (right)->backend && (left)->lxid == (right)->lxid)
#endif

/* 17 has a role that may lock, vacuum and analyse every table. */
#if PG_VERSION_NUM >= 170000
#define DBM_ROLE_MAINTAIN ROLE_PG_MAINTAIN
#else
#define DBM_ROLE_MAINTAIN InvalidOid
#endif

/*
 * The lock of this process behind the given one in a partition of the lock
 * table, first NULL; the caller holds the partition's lock.  16 made the queue
 * a list.
 */
static inline PROCLOCK *
dbm_next_own_lock(int partition, PROCLOCK *lock)
{
#if PG_VERSION_NUM >= 160000
	dlist_head *list = &MyProc->myProcLocks[partition];

	if (lock == NULL)
		return dlist_is_empty(list) ? NULL : dlist_head_element(PROCLOCK, procLink, list);
	if (!dlist_has_next(list, &lock->procLink))
		return NULL;
	return dlist_container(PROCLOCK, procLink, dlist_next_node(list, &lock->procLink));
#else
	SHM_QUEUE *queue = &MyProc->myProcLocks[partition];

	return (PROCLOCK *) SHMQueueNext(queue, lock ? &lock->procLink : queue,
									 offsetof(PROCLOCK, procLink));
#endif
}

/* The setting of this name, or NULL; 15 shows only the sorted array of all. */
static inline struct config_generic *
dbm_find_setting(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, true, DEBUG1);
#else
	struct config_generic **all = get_guc_variables();
	int low = 0;
	int high = GetNumConfigOptions();

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = pg_strcasecmp(name, all[middle]->name);

		if (order == 0)
			return all[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
#endif
}

/* Raises unless the current user may insert into these columns (COPY's check). */
static inline void
dbm_check_insert_columns(ParseState *pstate, ParseNamespaceItem *item, List *columns)
{
	ListCell *cell;

#if PG_VERSION_NUM >= 160000
	item->p_perminfo->requiredPerms = ACL_INSERT;
	foreach (cell, columns)
		item->p_perminfo->insertedCols =
			bms_add_member(item->p_perminfo->insertedCols,
						   lfirst_int(cell) - FirstLowInvalidHeapAttributeNumber);
	ExecCheckPermissions(pstate->p_rtable, list_make1(item->p_perminfo), true);
#else
	item->p_rte->requiredPerms = ACL_INSERT;
	foreach (cell, columns)
		item->p_rte->insertedCols =
			bms_add_member(item->p_rte->insertedCols,
						   lfirst_int(cell) - FirstLowInvalidHeapAttributeNumber);
	ExecCheckRTPerms(pstate->p_rtable, true);
#endif
}


/* 18 counts index scans for EXPLAIN in an extra argument. */
#if PG_VERSION_NUM >= 180000
#define dbm_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#else
#define dbm_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#endif

/* 17 lets a value be used in the transaction that adds it, if that has made its type as well. */
#define DBM_USES_VALUES_OF_NEW_TYPES (PG_VERSION_NUM >= 170000)

/* 17 renamed the locale of a collation, 16 gave it rules. */
#if PG_VERSION_NUM >= 170000
#define DBM_COLLATION_LOCALE Anum_pg_collation_colllocale
#else
#define DBM_COLLATION_LOCALE Anum_pg_collation_colliculocale
#endif
#if PG_VERSION_NUM >= 160000
#define DBM_COLLATION_RULES Anum_pg_collation_collicurules
#else
#define DBM_COLLATION_RULES InvalidAttrNumber
#endif

/*
 * How many transactions with an id have completed since the server started.
 * Read without the lock it is written under: the caller sees to the order.
 * 17 renamed the variable.
 */
#if PG_VERSION_NUM >= 170000
#define dbm_completed_transactions() (*(volatile uint64 *) &TransamVariables->xactCompletionCount)
#else
#define dbm_completed_transactions() (*(volatile uint64 *) &ShmemVariableCache->xactCompletionCount)
#endif

/* 17 brought a timeout for the whole transaction. */
#if PG_VERSION_NUM >= 170000
#define DBM_TRANSACTION_TIMEOUT TRANSACTION_TIMEOUT
#define dbm_transaction_timeout() TransactionTimeout
#else
#define DBM_TRANSACTION_TIMEOUT STATEMENT_TIMEOUT
#define dbm_transaction_timeout() 0
#endif

/* 16 renamed the file node of a relation. */
#if PG_VERSION_NUM >= 160000
#define dbm_file_number(relation) ((relation)->rd_locator.relNumber)
#else
#define dbm_file_number(relation) ((relation)->rd_node.relNode)
#endif

/*
 * Does this shared buffer hold that page of the relation, at this moment?  The
 * caller has no pin: the answer is worth something if it is the same before and
 * after what it does with the page.  16 put the file's numbers into the tag.
 */
static inline bool
dbm_buffer_holds(Buffer buffer, Relation relation, BlockNumber block)
{
	BufferDesc *descriptor = GetBufferDescriptor(buffer - 1);

#if PG_VERSION_NUM >= 160000
	return descriptor->tag.blockNum == block &&
		descriptor->tag.relNumber == relation->rd_locator.relNumber &&
		descriptor->tag.dbOid == relation->rd_locator.dbOid &&
		descriptor->tag.spcOid == relation->rd_locator.spcOid &&
		descriptor->tag.forkNum == MAIN_FORKNUM &&
		(pg_atomic_read_u32(&descriptor->state) & BM_VALID) != 0;
#else
	return descriptor->tag.blockNum == block &&
		RelFileNodeEquals(descriptor->tag.rnode, relation->rd_node) &&
		descriptor->tag.forkNum == MAIN_FORKNUM &&
		(pg_atomic_read_u32(&descriptor->state) & BM_VALID) != 0;
#endif
}

#endif							/* DBM_CORE_COMPAT_H */
