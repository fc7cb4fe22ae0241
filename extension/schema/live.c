/*
 * schema/live.c: units, objects, buckets, groups and roots in memory
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "schema/adorned.h"
#include "schema/live.h"

typedef struct Member
{
	DbmUnitKey key;
	DbmUnitKey unit;
} Member;

/* Takes what a pass finds into a live schema. */
typedef struct LiveReceiver
{
	DbmReceiver receiver;
	DbmLive *live;
	DbmUnitKey unit;
	DbmObject *objects;
	DbmObject **tail;
	int nmembers;
	int members_capacity;
	DbmUnitKey *members;		/* in the memory of the unit being described */
	char *names;
	int names_length;
	bool hidden;
	DbmUnitChange change;
} LiveReceiver;

/* ---- objects and buckets ---- */

/* What the hash of this object is in has to be hashed again. */
static void
mark_stale(DbmLive *live, const DbmObject *object)
{
	live->buckets[object->extra][object->bucket].stale = true;
	live->groups[object->extra][object->bucket / DBM_GROUP_SIZE].stale = true;
	live->stale[object->extra] = true;
}

static void
enter_bucket(DbmLive *live, DbmObject *object)
{
	DbmBucket *bucket = &live->buckets[object->extra][object->bucket];

	object->next_in_bucket = bucket->objects;
	object->link_in_bucket = &bucket->objects;
	if (bucket->objects)
		bucket->objects->link_in_bucket = &object->next_in_bucket;
	bucket->objects = object;
	live->object_count++;
}

static void
leave_bucket(DbmLive *live, DbmObject *object)
{
	*object->link_in_bucket = object->next_in_bucket;
	if (object->next_in_bucket)
		object->next_in_bucket->link_in_bucket = object->link_in_bucket;
	live->object_count--;
}

static DbmObject *
find_object(DbmObject *objects, const DbmObject *wanted)
{
	for (DbmObject *object = objects; object; object = object->next_in_unit)
		if (strcmp(object->kind, wanted->kind) == 0 &&
			strcmp(object->identity, wanted->identity) == 0)
			return object;
	return NULL;
}

static bool
same_object(const DbmObject *a, const DbmObject *b)
{
	return a->extra == b->extra && memcmp(a->hash, b->hash, DBM_DIGEST_LENGTH) == 0;
}

static int
count_objects(DbmObject *object)
{
	int count = 0;

	for (; object; object = object->next_in_unit)
		count++;
	return count;
}

/* What others may mention of a unit, before and after. */
static DbmUnitChange
compare_names(DbmUnit *before, LiveReceiver *after)
{
	if (before->names == NULL || after->names == NULL)
		return same_object(before->objects, after->objects) ? DBM_UNIT_SAME : DBM_UNIT_NAMES;
	if (after->names_length < before->names_length ||
		memcmp(before->names, after->names, before->names_length) != 0)
		return DBM_UNIT_NAMES;
	if (after->names_length > before->names_length)
		return DBM_UNIT_COLUMNS;
	return same_object(before->objects, after->objects) ? DBM_UNIT_SAME : DBM_UNIT_PARTS;
}

static DbmUnitChange
compare_units(DbmUnit *before, LiveReceiver *after)
{
	DbmUnitChange change;

	/* what is not described may be named all the same */
	if (before == NULL || before->objects == NULL || after->objects == NULL)
		return DBM_UNIT_NAMES;
	change = compare_names(before, after);
	for (DbmObject *object = before->objects; object; object = object->next_in_unit)
	{
		DbmObject *now = find_object(after->objects, object);

		if (now == NULL && object != before->objects)
			return DBM_UNIT_NAMES;
		if (now && !same_object(object, now))
			change = Max(change, DBM_UNIT_PARTS);
	}
	if (count_objects(before->objects) != count_objects(after->objects))
		change = Max(change, DBM_UNIT_PARTS);
	return change;
}

static void
note_change(DbmLive *live, const DbmObject *object)
{
	mark_stale(live, object);
	dbm_live_touch(live, object->kind, object->identity);
}

/* Notes what is not the same before and after. */
static void
note_changes(DbmLive *live, DbmObject *before, DbmObject *after)
{
	for (DbmObject *object = before; object; object = object->next_in_unit)
	{
		DbmObject *now = find_object(after, object);

		if (now && same_object(object, now))
			continue;
		note_change(live, object);
		if (now)
			mark_stale(live, now);
	}
	for (DbmObject *object = after; object; object = object->next_in_unit)
		if (find_object(before, object) == NULL)
			note_change(live, object);
}

/* ---- units ---- */

static void
clear_unit(DbmUnit *unit)
{
	unit->objects = NULL;
	unit->members = NULL;
	unit->nmembers = 0;
	unit->names = NULL;
	unit->names_length = 0;
	unit->hidden = false;
}

static void
forget_unit(DbmLive *live, DbmUnit *unit)
{
	DbmObject *object = unit->objects;

	while (object)
	{
		DbmObject *next = object->next_in_unit;

		leave_bucket(live, object);
		pfree(object);
		object = next;
	}
	for (int at = 0; at < unit->nmembers; at++)
		(void) hash_search(live->members, &unit->members[at], HASH_REMOVE, NULL);
	if (unit->members)
		pfree(unit->members);
	if (unit->names)
		pfree(unit->names);
	live->hidden_count -= unit->hidden;
	clear_unit(unit);
}

static void
take_members(DbmLive *live, DbmUnit *unit, const LiveReceiver *self)
{
	if (self->nmembers == 0)
		return;
	unit->members = MemoryContextAlloc(live->memory, sizeof(DbmUnitKey) * self->nmembers);
	for (int at = 0; at < self->nmembers; at++)
	{
		Member *member = hash_search(live->members, &self->members[at], HASH_ENTER, NULL);

		member->unit = unit->key;
		unit->members[unit->nmembers++] = self->members[at];
	}
}

static void
take_names(DbmLive *live, DbmUnit *unit, LiveReceiver *self)
{
	if (self->names == NULL)
		return;
	unit->names = MemoryContextAlloc(live->memory, self->names_length);
	memcpy(unit->names, self->names, self->names_length);
	unit->names_length = self->names_length;
}

/* Puts a newly described unit in the place of what was known of it. */
static void
replace_unit(LiveReceiver *self)
{
	DbmLive *live = self->live;
	bool empty = self->objects == NULL && self->nmembers == 0;
	DbmUnit *unit;
	bool found;

	unit = hash_search(live->units, &self->unit, empty ? HASH_FIND : HASH_ENTER, &found);
	self->change = compare_units(found ? unit : NULL, self);
	if (self->change != DBM_UNIT_SAME)
		note_changes(live, found ? unit->objects : NULL, self->objects);
	if (found)
		forget_unit(live, unit);
	if (empty)
	{
		if (found)
			(void) hash_search(live->units, &self->unit, HASH_REMOVE, NULL);
		return;
	}
	clear_unit(unit);
	unit->objects = self->objects;
	for (DbmObject *object = unit->objects; object; object = object->next_in_unit)
		enter_bucket(live, object);
	take_members(live, unit, self);
	take_names(live, unit, self);
	unit->hidden = self->hidden;
	live->hidden_count += unit->hidden;
}

static void
begin_unit(DbmReceiver *receiver, DbmUnitKey unit)
{
	LiveReceiver *self = (LiveReceiver *) receiver;

	self->unit = unit;
	self->objects = NULL;
	self->tail = &self->objects;
	self->nmembers = 0;
	self->members_capacity = 0;
	self->members = NULL;
	self->names = NULL;
	self->names_length = 0;
	self->hidden = false;
}

/* ---- bodies described lately ---- */

/* Beyond this they are dropped, and described again when they are to be stored. */
#define RECENT_LIMIT (8 * 1024 * 1024)

static void
keep_recent(DbmLive *live, const DbmDraft *draft)
{
	DbmRecentBody *recent;
	bool found;

	if (live->recent_memory == NULL)
		return;
	if (MemoryContextMemAllocated(live->recent_memory, true) > RECENT_LIMIT)
	{
		dbm_live_forget_recent(live);
		return;
	}
	recent = hash_search(live->recent, draft->hash, HASH_ENTER, &found);
	if (found)
		return;
	/* complete before it can be found: an error in between must not leave half of it */
	recent->length = -1;
	recent->body = NULL;
	recent->body = MemoryContextAlloc(live->recent_memory, Max(draft->body->len, 1));
	memcpy(recent->body, draft->body->data, draft->body->len);
	recent->length = draft->body->len;
}

static void
begin_recent(DbmLive *live)
{
	HASHCTL control = {.keysize = DBM_DIGEST_LENGTH, .entrysize = sizeof(DbmRecentBody)};

	if (live->recent_memory)
		return;
	live->recent_memory = AllocSetContextCreate(live->memory, "dbmaestro recent bodies",
												ALLOCSET_DEFAULT_SIZES);
	control.hcxt = live->recent_memory;
	live->recent = hash_create("dbmaestro recent bodies", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
dbm_live_forget_recent(DbmLive *live)
{
	if (live->recent_memory)
		MemoryContextDelete(live->recent_memory);
	live->recent_memory = NULL;
	live->recent = NULL;
}

const DbmRecentBody *
dbm_live_recent(DbmLive *live, const uint8 *hash)
{
	const DbmRecentBody *recent = live->recent ? hash_search(live->recent, hash, HASH_FIND, NULL)
											   : NULL;

	return recent && recent->length >= 0 ? recent : NULL;
}

static void
take_object(DbmReceiver *receiver, const DbmDraft *draft)
{
	LiveReceiver *self = (LiveReceiver *) receiver;
	size_t length = strlen(draft->identity) + 1;
	DbmObject *object = MemoryContextAlloc(self->live->memory,
										   offsetof(DbmObject, identity) + length);

	object->next_in_unit = NULL;
	object->kind = draft->kind;
	object->unit = self->unit;
	object->bucket = draft->bucket;
	object->extra = draft->extra;
	object->seen = false;
	memcpy(object->hash, draft->hash, DBM_DIGEST_LENGTH);
	memcpy(object->identity, draft->identity, length);
	*self->tail = object;
	self->tail = &object->next_in_unit;
	keep_recent(self->live, draft);
}

static void
take_member(DbmReceiver *receiver, DbmUnitKey member)
{
	LiveReceiver *self = (LiveReceiver *) receiver;

	if (self->nmembers == self->members_capacity)
	{
		self->members_capacity = Max(16, self->members_capacity * 2);
		if (self->members == NULL)
			self->members = palloc(sizeof(DbmUnitKey) * self->members_capacity);
		else
			self->members = repalloc(self->members, sizeof(DbmUnitKey) * self->members_capacity);
	}
	self->members[self->nmembers++] = member;
}

static void
hear_names(DbmReceiver *receiver, const char *names, int length)
{
	LiveReceiver *self = (LiveReceiver *) receiver;

	self->names = palloc(length);
	memcpy(self->names, names, length);
	self->names_length = length;
}

static void
hear_hidden(DbmReceiver *receiver)
{
	((LiveReceiver *) receiver)->hidden = true;
}

static void
end_unit(DbmReceiver *receiver)
{
	replace_unit((LiveReceiver *) receiver);
}

DbmReceiver *
dbm_live_receiver(DbmLive *live)
{
	LiveReceiver *self = palloc0(sizeof(LiveReceiver));

	self->receiver.unit_begin = begin_unit;
	self->receiver.object = take_object;
	self->receiver.member = take_member;
	self->receiver.names = hear_names;
	self->receiver.hidden = hear_hidden;
	self->receiver.unit_end = end_unit;
	self->live = live;
	return &self->receiver;
}

/* ---- the whole ---- */

static HTAB *
make_table(MemoryContext memory, const char *name, int expected, Size entry_size)
{
	HASHCTL control = {.keysize = sizeof(DbmUnitKey), .entrysize = entry_size, .hcxt = memory};

	return hash_create(name, Max(expected, 1024), &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

DbmLive *
dbm_live_make(MemoryContext parent, int units, int members)
{
	MemoryContext memory = AllocSetContextCreate(parent, "dbmaestro live schema",
												 ALLOCSET_DEFAULT_SIZES);
	DbmLive *live = MemoryContextAllocZero(memory, sizeof(DbmLive));

	live->memory = memory;
	live->units = make_table(memory, "dbmaestro units", units, sizeof(DbmUnit));
	live->members = make_table(memory, "dbmaestro members", members, sizeof(Member));
	for (int tree = 0; tree < DBM_TREES; tree++)
	{
		live->stale[tree] = true;
		for (int bucket = 0; bucket < DBM_BUCKETS; bucket++)
			live->buckets[tree][bucket].stale = true;
		for (int group = 0; group < DBM_GROUPS; group++)
			live->groups[tree][group].stale = true;
	}
	return live;
}

void
dbm_live_free(DbmLive *live)
{
	MemoryContextDelete(live->memory);
}

void
dbm_live_fill(DbmLive *live, Snapshot snapshot)
{
	DbmReceiver *receiver = dbm_live_receiver(live);
	MemoryContext caller = MemoryContextSwitchTo(live->memory);
	DbmPass *pass;

	live->adorned = dbm_adorned_read(snapshot);
	MemoryContextSwitchTo(caller);
	pass = dbm_pass_begin(snapshot, receiver, live->adorned);
	dbm_pass_all(pass);
	dbm_pass_end(pass);
	pfree(receiver);
}

DbmUnitChange
dbm_live_renew(DbmLive *live, DbmPass *pass, DbmUnitKey key)
{
	LiveReceiver *self = (LiveReceiver *) dbm_pass_receiver(pass);

	begin_recent(live);
	self->unit.classid = InvalidOid;
	dbm_pass_unit(pass, key);
	if (!OidIsValid(self->unit.classid))
	{
		/* the row is gone: so is the unit */
		begin_unit(&self->receiver, key);
		replace_unit(self);
	}
	return self->change;
}

DbmUnit *
dbm_live_find(DbmLive *live, DbmUnitKey key)
{
	return hash_search(live->units, &key, HASH_FIND, NULL);
}

DbmUnitKey
dbm_live_unit_of(DbmLive *live, Oid classid, Oid objid)
{
	DbmUnitKey key = {classid, objid};
	Member *member = hash_search(live->members, &key, HASH_FIND, NULL);

	return member ? member->unit : key;
}

DbmObject *
dbm_live_object(DbmLive *live, const char *kind, const char *identity)
{
	int bucket = dbm_bucket_of(identity);

	for (int tree = 0; tree < DBM_TREES; tree++)
		for (DbmObject *object = live->buckets[tree][bucket].objects; object;
			 object = object->next_in_bucket)
			if (strcmp(object->identity, identity) == 0 && strcmp(object->kind, kind) == 0)
				return object;
	return NULL;
}

void
dbm_live_each(DbmLive *live, void (*function)(DbmObject *object, void *arg), void *arg)
{
	for (int tree = 0; tree < DBM_TREES; tree++)
		for (int bucket = 0; bucket < DBM_BUCKETS; bucket++)
			for (DbmObject *object = live->buckets[tree][bucket].objects; object;
				 object = object->next_in_bucket)
				function(object, arg);
}
