/* SPDX-License-Identifier: ISC */
#include "server/store/marks.h"

#include <stdlib.h>

enum { BUCKETS = 1024, FIRST_ROOM = 16 };
#define IS_MARK (UINT64_C(1) << 63)

struct slot {
    uint64_t hash;
    uint64_t row; /* with IS_MARK; 0: free */
};

struct known_ids {
    uint64_t device;
    struct slot *slots; /* open addressing, a power of two of them */
    size_t room;
    size_t count;
    struct known_ids *same_bucket;
    struct known_ids *newer;
    struct known_ids *older;
};

/* Ids are chosen by strangers, the seed is not known to them. */
static uint64_t hash_of(const struct known_index *known, const struct mark *mark) {
    const uint64_t words[] = {mark->sender, get_u64(mark->id), get_u64(mark->id + 8)};
    uint64_t hash = known->seed;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        hash = (hash ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static uint64_t packed(struct known_row row) {
    return row.row | (row.is_mark ? IS_MARK : 0);
}

/* --- mailboxes that are in memory --- */

static struct known_ids **bucket_of(const struct known_index *known, uint64_t device) {
    return &known->buckets[device % BUCKETS];
}

static void link_newest(struct known_index *known, struct known_ids *ids) {
    ids->newer = NULL;
    ids->older = known->newest;
    *(known->newest == NULL ? &known->oldest : &known->newest->newer) = ids;
    known->newest = ids;
}

static void unlink_used(struct known_index *known, struct known_ids *ids) {
    *(ids->newer == NULL ? &known->newest : &ids->newer->older) = ids->older;
    *(ids->older == NULL ? &known->oldest : &ids->older->newer) = ids->newer;
}

static struct known_ids *find(const struct known_index *known, uint64_t device) {
    struct known_ids *ids = known->buckets == NULL ? NULL : *bucket_of(known, device);
    while (ids != NULL && ids->device != device) {
        ids = ids->same_bucket;
    }
    return ids;
}

static void give_up(struct known_index *known, struct known_ids *ids) {
    struct known_ids **at = bucket_of(known, ids->device);
    while (*at != ids) {
        at = &(*at)->same_bucket;
    }
    *at = ids->same_bucket;
    unlink_used(known, ids);
    known->room -= ids->room;
    free(ids->slots);
    free(ids);
}

void known_clear(struct known_index *known) {
    while (known->newest != NULL) {
        give_up(known, known->newest);
    }
    free(known->buckets);
    known->buckets = NULL;
}

void known_drop(struct known_index *known, uint64_t device) {
    struct known_ids *ids = find(known, device);
    if (ids != NULL) {
        give_up(known, ids);
    }
}

/* --- the ids of one --- */

static void put(struct known_ids *ids, struct slot slot) {
    size_t at = slot.hash & (ids->room - 1);
    while (ids->slots[at].row != 0) {
        at = (at + 1) & (ids->room - 1);
    }
    ids->slots[at] = slot;
    ids->count++;
}

/* Mailboxes used longest ago make room. */
static bool grow(struct sqlite_store *store, struct known_ids *ids) {
    struct known_index *known = &store->known;
    struct known_ids before = *ids;
    size_t room = before.room == 0 ? FIRST_ROOM : 2 * before.room;
    while (known->room + room > known->room_max && known->oldest != ids) {
        give_up(known, known->oldest);
    }
    ids->slots = calloc(room, sizeof(*ids->slots));
    if (ids->slots == NULL) {
        ids->slots = before.slots;
        store_fail(store, ERR_MEMORY, "out of memory");
        return false;
    }
    known->room += room - before.room;
    ids->room = room;
    ids->count = 0;
    for (size_t i = 0; i < before.room; i++) {
        if (before.slots[i].row != 0) {
            put(ids, before.slots[i]);
        }
    }
    free(before.slots);
    return true;
}

void known_add(struct sqlite_store *store, struct known_ids *ids, const struct mark *mark,
               struct known_row row) {
    if (4 * (ids->count + 1) <= 3 * ids->room || grow(store, ids)) {
        put(ids, (struct slot){.hash = hash_of(&store->known, mark), .row = packed(row)});
    }
}

static void take(struct sqlite_store *store, struct known_ids *ids, struct bytes all, size_t step,
                 struct known_row row) {
    for (size_t at = 0; at + step <= all.size; at += step) {
        const struct mark mark = mark_read(all.data + at);
        known_add(store, ids, &mark, row);
    }
}

static void read_ids(struct sqlite_store *store, struct known_ids *ids) {
    struct marks marks;
    struct marks_way way = marks_of(store, ids->device);
    struct query query = sql_begin(store, SQL_HEADS_OF);
    sql_bind_u64(&query, ids->device);
    while (sql_row(&query)) {
        take(store, ids, sql_bytes(&query, 1), HEAD_BYTES,
             (struct known_row){.row = sql_u64(&query, 0)});
    }
    while (marks_next(&way, &marks)) {
        take(store, ids, marks.bytes, MARK_BYTES,
             (struct known_row){.is_mark = true, .row = marks.row});
    }
}

static bool device_exists(struct sqlite_store *store, uint64_t device) {
    struct query query = sql_begin(store, SQL_DEVICE_EXISTS);
    sql_bind_u64(&query, device);
    bool exists = sql_row(&query);
    sql_end(&query);
    return exists;
}

static struct known_ids *add(struct sqlite_store *store, uint64_t device) {
    struct known_index *known = &store->known;
    if (known->buckets == NULL) {
        known->buckets = calloc(BUCKETS, sizeof(struct known_ids *));
    }
    struct known_ids *ids = known->buckets == NULL ? NULL : calloc(1, sizeof(*ids));
    if (ids == NULL) {
        store_fail(store, ERR_MEMORY, "out of memory");
        return NULL;
    }
    ids->device = device;
    struct known_ids **bucket = bucket_of(known, device);
    ids->same_bucket = *bucket;
    *bucket = ids;
    link_newest(known, ids);
    return ids;
}

struct known_ids *known_of(struct sqlite_store *store, uint64_t device) {
    struct known_index *known = &store->known;
    struct known_ids *ids = find(known, device);
    if (ids == NULL && device_exists(store, device)) {
        /* Given up while the batch gathers for it: what has gathered is read too. */
        struct open_run *open = runs_find(&store->runs, device);
        if (open != NULL) {
            runs_write(store, open);
        }
        ids = add(store, device);
        if (ids != NULL) {
            read_ids(store, ids);
        }
    } else if (ids != NULL && known->newest != ids) {
        unlink_used(known, ids);
        link_newest(known, ids);
    }
    return store->error == OK ? ids : NULL;
}

size_t known_count(const struct known_ids *ids) {
    return ids->count;
}

bool known_next(const struct known_index *known, const struct known_ids *ids,
                const struct mark *mark, size_t *at, struct known_row *row) {
    uint64_t hash = hash_of(known, mark);
    while (ids->room > 0) {
        const struct slot *slot = &ids->slots[(hash + *at) & (ids->room - 1)];
        ++*at;
        if (slot->row == 0) {
            return false;
        }
        if (slot->hash == hash) {
            *row = (struct known_row){.is_mark = (slot->row & IS_MARK) != 0,
                                      .row = slot->row & ~IS_MARK};
            return true;
        }
    }
    return false;
}

void known_move(struct sqlite_store *store, uint64_t device, const struct mark *mark,
                struct known_row from, struct known_row to) {
    struct known_ids *ids = find(&store->known, device);
    if (ids == NULL || ids->room == 0) {
        return;
    }
    const struct slot wanted = {.hash = hash_of(&store->known, mark), .row = packed(from)};
    size_t at = wanted.hash & (ids->room - 1);
    while (ids->slots[at].row != 0) {
        if (ids->slots[at].hash == wanted.hash && ids->slots[at].row == wanted.row) {
            ids->slots[at].row = packed(to);
            return;
        }
        at = (at + 1) & (ids->room - 1);
    }
}
