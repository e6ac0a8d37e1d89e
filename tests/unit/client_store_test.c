/* SPDX-License-Identifier: ISC */
/* The client's store: what is committed is there, what is not is not; keys and newer versions are
 * told apart. */
#include "base/require.h"
#include "testing.h"

#include "client/account.h"
#include "client/store/database.h"
#include "client/store/key_file.h"
#include "client/store/sqlcipher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct secret_32 KEY = {{7}};
static const struct argon2_cost CHEAP = {.memory_kib = 8, .passes = 1, .lanes = 1};

struct place {
    char folder[64];
    char path[80];
};

static int make_place(void **state) {
    struct place *place = calloc(1, sizeof(*place));
    assert_non_null(place);
    strcpy(place->folder, "/tmp/sotto-store-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof(place->path), "%s/store.db", place->folder);
    *state = place;
    return 0;
}

static int clear_place(void **state) {
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    struct place *place = *state;
    for (size_t i = 0; i < ROWS(ENDS); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s%s", place->path, ENDS[i]);
        unlink(path);
    }
    rmdir(place->folder);
    free(place);
    return 0;
}

static struct sqlcipher_store *open_store(const char *path, bool create) {
    struct sqlcipher_store *store = NULL;
    assert_int_equal(sqlcipher_store_open(path, &KEY, create, &store), OK);
    return store;
}

static struct user_name name_of(const char *text) {
    struct user_name name;
    assert_int_equal(user_name_parse(bytes_of_string(text), &name), OK);
    return name;
}

static void put_setting(const struct client_store *store, const char *value) {
    assert_int_equal(store->setting_put(store->context, "word", bytes_of_string(value)), OK);
}

static void expect_setting(const struct client_store *store, const char *value) {
    struct buffer found;
    buffer_init(&found, 64);
    assert_int_equal(store->setting_get(store->context, "word", &found), OK);
    assert_true(bytes_equal(buffer_view(&found), bytes_of_string(value)));
    buffer_clear(&found);
}

/* Promise: a transaction is there whole after a commit, and not at all after a roll-back or a
 * close. */
static void commits_whole_or_not_at_all(void **state) {
    const struct place *place = *state;
    struct sqlcipher_store *store = open_store(place->path, true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    assert_int_equal(sqlcipher_store_own(store), OK);
    assert_int_equal(functions->begin(functions->context), OK);
    put_setting(functions, "first");
    assert_int_equal(functions->commit(functions->context), OK);
    assert_int_equal(functions->begin(functions->context), OK);
    put_setting(functions, "second");
    functions->rollback(functions->context);
    expect_setting(functions, "first");
    assert_int_equal(functions->begin(functions->context), OK);
    put_setting(functions, "third");
    sqlcipher_store_close(store);

    store = open_store(place->path, false);
    expect_setting(sqlcipher_store_functions(store), "first");
    sqlcipher_store_close(store);
}

/* Promise: without the key the file is noise, and no word of it can be read in it. */
static void is_encrypted(void **state) {
    const struct place *place = *state;
    const struct secret_32 other = {{8}};
    struct sqlcipher_store *store = open_store(place->path, true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    static char page[65536];
    assert_int_equal(sqlcipher_store_own(store), OK);
    put_setting(functions, "planted-word-of-the-test");
    sqlcipher_store_close(store);

    FILE *file = fopen(place->path, "rb");
    require(file != NULL);
    size_t size = fread(page, 1, sizeof(page), file);
    fclose(file);
    assert_true(size > 4096);
    assert_null(memmem(page, size, "planted-word", 12));
    assert_null(memmem(page, size, "SQLite format", 13));
    assert_int_equal(sqlcipher_store_open(place->path, &other, false, &store), ERR_STORE_BROKEN);
}

static void tells_missing_newer_and_foreign_files_apart(void **state) {
    const struct place *place = *state;
    struct sqlcipher_store *store = NULL;
    struct database database;
    assert_int_equal(sqlcipher_store_open(place->path, &KEY, false, &store), ERR_NOT_FOUND);
    assert_int_equal(database_open(&database, place->path, &KEY, true), OK);
    assert_int_equal(database_run(&database, "PRAGMA user_version=99"), OK);
    database_close(&database);
    assert_int_equal(sqlcipher_store_open(place->path, &KEY, false, &store), ERR_STORE_NEWER);

    FILE *file = fopen(place->path, "wb");
    require(file != NULL);
    for (int i = 0; i < 8192; i++) {
        assert_int_equal(fputc('x', file), 'x');
    }
    fclose(file);
    assert_int_equal(sqlcipher_store_open(place->path, &KEY, false, &store), ERR_STORE_BROKEN);
}

/* Promise: a key names one message to one person, for as long as that message has not failed. */
static void finds_messages_by_their_key(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    struct outgoing message = {.to = name_of("bob"), .kind = 1, .key = "disk", .sent_ms = 1000};
    struct outgoing found;
    const struct bytes none = {0};
    assert_int_equal(
        functions->outgoing_add(functions->context, &message, bytes_of_string("text"), none), OK);
    const struct user_name bob = name_of("bob");
    const struct user_name carol = name_of("carol");
    assert_int_equal(functions->outgoing_find(functions->context, &bob, "disk", 0, &found), OK);
    assert_int_equal(found.row, message.row);
    assert_int_equal(functions->outgoing_find(functions->context, &carol, "disk", 0, &found),
                     ERR_NOT_FOUND);
    assert_int_equal(functions->outgoing_find(functions->context, &bob, "Disk", 0, &found),
                     ERR_NOT_FOUND);
    assert_int_equal(functions->outgoing_find(functions->context, &bob, "disk", 1001, &found),
                     ERR_NOT_FOUND);
    assert_int_equal(functions->outgoing_next(functions->context, OUTGOING_QUEUED, 0, 0, &found),
                     OK);
    message.state = OUTGOING_FAILED;
    assert_int_equal(functions->outgoing_update(functions->context, &message, NULL), OK);
    assert_int_equal(functions->outgoing_find(functions->context, &bob, "disk", 0, &found),
                     ERR_NOT_FOUND);
    assert_int_equal(functions->outgoing_next(functions->context, OUTGOING_QUEUED, 0, 0, &found),
                     ERR_NOT_FOUND);
    sqlcipher_store_close(store);
}

static void add_incoming(const struct client_store *store, uint32_t number, uint64_t sent_ms) {
    struct incoming message = {
        .from = name_of("ana"), .kind = 1, .received_ms = 5, .number = number, .sent_ms = sent_ms};
    assert_int_equal(store->incoming_add(store->context, &message, bytes_of_string("text")), OK);
}

/* Promise: what came out of order is shown in the order in which it was written, and marked when
 * that is too late. */
static void orders_by_time_of_writing(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const struct user_name ana = name_of("ana");
    struct incoming pending[4];
    size_t count = ROWS(pending);
    add_incoming(functions, 0, 100);
    add_incoming(functions, 2, 102);
    add_incoming(functions, 1, 101);
    assert_int_equal(functions->incoming_pending(functions->context, &ana, pending, &count), OK);
    assert_int_equal(count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(pending[i].number, i);
        assert_int_equal(functions->incoming_release(functions->context, &pending[i]), OK);
    }
    add_incoming(functions, 3, 99);
    count = ROWS(pending);
    assert_int_equal(functions->incoming_pending(functions->context, &ana, pending, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(functions->incoming_release(functions->context, &pending[0]), OK);
    struct buffer text;
    struct incoming shown = {.place = 0};
    buffer_init(&text, 64);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(functions->incoming_next(functions->context, shown.place, &shown, &text),
                         OK);
        assert_int_equal(shown.number, i);
        assert_int_equal(shown.is_late, i == 3);
    }
    buffer_clear(&text);
    sqlcipher_store_close(store);
}

static size_t size_of_text(const struct client_store *store, uint64_t place) {
    struct buffer text;
    struct incoming shown;
    buffer_init(&text, 64);
    assert_int_equal(store->incoming_next(store->context, place - 1, &shown, &text), OK);
    size_t size = text.size;
    buffer_clear(&text);
    return size;
}

/* Promise: a text with a life is erased when that is over, but never before somebody was shown it:
 * a reader that passed over it was not, nor one that began behind it. */
static void keeps_what_nobody_has_seen(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    struct incoming message = {
        .from = name_of("ana"), .kind = 8, .received_ms = 5, .sent_ms = 100, .life_s = 1};
    assert_int_equal(functions->incoming_add(functions->context, &message, bytes_of_string("text")),
                     OK);
    assert_int_equal(functions->incoming_release(functions->context, &message), OK);
    assert_int_equal(functions->incoming_expire(functions->context, 5000), OK);
    assert_int_equal(size_of_text(functions, 1), 4);
    assert_int_equal(
        functions->cursor_open(functions->context, "later", INT64_MAX, 5, &(uint64_t){0}), OK);
    assert_int_equal(functions->incoming_expire(functions->context, 5000), OK);
    assert_int_equal(size_of_text(functions, 1), 4);
    assert_int_equal(functions->cursor_open(functions->context, "recv", 0, 5, &(uint64_t){0}), OK);
    assert_int_equal(functions->cursor_pass(functions->context, "recv", 0, 1), OK);
    assert_int_equal(functions->incoming_expire(functions->context, 5000), OK);
    assert_int_equal(size_of_text(functions, 1), 4);
    assert_int_equal(functions->passed_take(functions->context, "recv", 1), OK);
    assert_int_equal(functions->incoming_expire(functions->context, 5000), OK);
    assert_int_equal(size_of_text(functions, 1), 0);
    sqlcipher_store_close(store);
}

static void keeps_at_most_64_waiting_of_one_sender(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const struct user_name ana = name_of("ana");
    struct buffer lost;
    buffer_init(&lost, 64);
    for (int i = 0; i < WAITING_COMPACT_MAX; i++) {
        assert_int_equal(
            functions->waiting_add(functions->context, &ana, bytes_of_string("one"), 1, &lost), OK);
        assert_int_equal(lost.size, 0);
    }
    assert_int_equal(
        functions->waiting_add(functions->context, &ana, bytes_of_string("two"), 1, &lost), OK);
    assert_true(bytes_equal(buffer_view(&lost), bytes_of_string("one")));
    buffer_clear(&lost);
    sqlcipher_store_close(store);
}

/* ---- what is owed */

/* A message that the server has, accepted `age` days ago. */
static uint64_t add_accepted(const struct client_store *store, uint64_t now_ms, uint64_t age,
                             uint8_t kind) {
    struct outgoing message = {.to = name_of("bob"),
                               .kind = kind,
                               .state = OUTGOING_ACCEPTED,
                               .has_afp = true,
                               .sent_ms = now_ms - age * DAY_MS,
                               .accepted_ms = now_ms - age * DAY_MS,
                               .turn = 1000 - age};
    message.msg_id[0] = (uint8_t)age;
    assert_int_equal(store->outgoing_add(store->context, &message, bytes_of_string("text"),
                                         bytes_of_string("envelope")),
                     OK);
    return message.row;
}

/* Promise: offered again on days 1, 7 and 21, the oldest first, once for each day. */
static void offers_again_on_its_days(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const uint64_t now = 100 * DAY_MS;
    struct outgoing found = {.row = 0};
    uint32_t count = 0;
    add_accepted(functions, now, 0, 1);
    uint64_t yesterday = add_accepted(functions, now, 2, 1);
    uint64_t receipt = add_accepted(functions, now, 3, 2); /* only at a new store epoch */
    add_accepted(functions, now, 40, 1);                   /* over its life */
    assert_int_equal(functions->outgoing_offer_due(functions->context, now, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(functions->outgoing_next(functions->context, OUTGOING_SEALED, 0, 0, &found),
                     OK);
    assert_true(found.row == yesterday && found.offers == 1);
    found.state = OUTGOING_ACCEPTED;
    assert_int_equal(functions->outgoing_update(functions->context, &found, NULL), OK);
    assert_int_equal(functions->outgoing_offer_due(functions->context, now, &count), OK);
    assert_int_equal(count, 0); /* once for each day */
    assert_int_equal(functions->outgoing_offer_due(functions->context, now + 6 * DAY_MS, &count),
                     OK);
    assert_int_equal(count, 2); /* a first and a seventh day */
    assert_int_equal(functions->outgoing_offer_all(functions->context, now, &count), OK);
    assert_int_equal(count, 1); /* the receipt: the others are under way, or too old */
    assert_int_equal(functions->outgoing_next(functions->context, OUTGOING_SEALED, 0, 0, &found),
                     OK);
    assert_int_equal(found.row, receipt);
    sqlcipher_store_close(store);
}

static size_t size_of_own_text(const struct client_store *store, uint64_t row) {
    struct buffer text;
    buffer_init(&text, TEXT_MAX_BYTES);
    assert_int_equal(store->outgoing_text(store->context, row, &text), OK);
    size_t size = text.size;
    buffer_clear(&text);
    return size;
}

/* Promise: the own copy of a text with a life goes too, but not while it may have to be encrypted
 * again. */
static void erases_own_texts_that_have_arrived(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    struct outgoing message = {.to = name_of("bob"),
                               .kind = 8,
                               .state = OUTGOING_REPAIR,
                               .sent_ms = 1000,
                               .accepted_ms = 1000,
                               .life_s = 60};
    const struct bytes none = {0};
    assert_int_equal(
        functions->outgoing_add(functions->context, &message, bytes_of_string("text"), none), OK);
    assert_int_equal(functions->outgoing_forget(functions->context, 62000), OK);
    assert_int_equal(size_of_own_text(functions, message.row), 4);
    message.state = OUTGOING_ACCEPTED;
    message.delivered_ms = 5000;
    assert_int_equal(functions->outgoing_update(functions->context, &message, NULL), OK);
    assert_int_equal(functions->outgoing_forget(functions->context, 61000), OK);
    assert_int_equal(size_of_own_text(functions, message.row), 4);
    assert_int_equal(functions->outgoing_forget(functions->context, 61001), OK);
    assert_int_equal(size_of_own_text(functions, message.row), 0);
    sqlcipher_store_close(store);
}

static void limits_what_is_offered_to_one_person_a_day(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const uint64_t now = 100 * DAY_MS;
    uint32_t count = 0;
    for (int i = 0; i < OFFERS_PER_DAY_MAX + 30; i++) {
        add_accepted(functions, now, 2, 1);
    }
    assert_int_equal(functions->outgoing_offer_due(functions->context, now, &count), OK);
    assert_int_equal(count, OFFERS_PER_DAY_MAX);
    assert_int_equal(functions->outgoing_offer_due(functions->context, now, &count), OK);
    assert_int_equal(count, 30);
    sqlcipher_store_close(store);
}

/* Promise: a duty stands once, at its earliest time, until it is done; one that is done for good is
 * not owed again. */
static void keeps_duties_in_order_of_time(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const struct duty none = {.due_ms = 0};
    struct duty duty = {.peer = name_of("bob"), .kind = DUTY_RECEIPTS, .due_ms = 500};
    struct duty found;
    uint64_t coming = 0;
    assert_int_equal(functions->duty_put(functions->context, &duty), OK);
    duty.due_ms = 300;
    assert_int_equal(functions->duty_put(functions->context, &duty), OK);
    duty.due_ms = 400;
    assert_int_equal(functions->duty_put(functions->context, &duty), OK);
    assert_int_equal(functions->duty_next(functions->context, &none, 299, &found), ERR_NOT_FOUND);
    assert_int_equal(functions->duty_next(functions->context, &none, 300, &found), OK);
    assert_true(found.due_ms == 300 && found.kind == DUTY_RECEIPTS);
    assert_int_equal(functions->duty_next(functions->context, &found, 900, &found), ERR_NOT_FOUND);
    assert_int_equal(functions->duty_coming(functions->context, 299, &coming), OK);
    assert_int_equal(coming, 300);
    assert_int_equal(functions->duty_move(functions->context, &duty, UINT64_MAX), OK);
    assert_int_equal(functions->duty_put(functions->context, &duty), OK);
    assert_int_equal(functions->duty_coming(functions->context, 0, &coming), OK);
    assert_true(coming == UINT64_MAX);
    assert_int_equal(
        functions->duty_delete(functions->context, &duty.peer, DUTY_RECEIPTS, duty.data), OK);
    assert_int_equal(functions->duty_put(functions->context, &duty), OK);
    assert_int_equal(functions->duty_coming(functions->context, 0, &coming), OK);
    assert_int_equal(coming, 400);
    sqlcipher_store_close(store);
}

static void takes_receipts_from_the_oldest(void **state) {
    (void)state;
    static uint8_t ids[RECEIPTS_MAX][MESSAGE_ID_BYTES];
    static const uint8_t AFP[HASH_BYTES] = {7};
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const struct user_name bob = name_of("bob");
    size_t count = 0;
    for (uint8_t i = 0; i < 3; i++) {
        const uint8_t id[MESSAGE_ID_BYTES] = {i};
        assert_int_equal(functions->receipt_add(functions->context, &bob, AFP, id), OK);
        assert_int_equal(functions->receipt_add(functions->context, &bob, AFP, id), OK);
    }
    assert_int_equal(functions->receipt_clear(functions->context, &bob, AFP, 1), OK);
    assert_int_equal(functions->receipt_list(functions->context, &bob, AFP, ids, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(ids[0][0], 1);
    sqlcipher_store_close(store);
}

static void remembers_ids(void **state) {
    (void)state;
    struct sqlcipher_store *store = open_store(":memory:", true);
    const struct client_store *functions = sqlcipher_store_functions(store);
    const uint8_t afp[HASH_BYTES] = {1};
    const uint8_t id[MESSAGE_ID_BYTES] = {2};
    assert_int_equal(functions->seen_add(functions->context, afp, id, 10), OK);
    assert_int_equal(functions->seen_add(functions->context, afp, id, 11), ERR_DUPLICATE);
    assert_int_equal(functions->seen_expire(functions->context, 11), OK);
    assert_int_equal(functions->seen_add(functions->context, afp, id, 12), OK);
    sqlcipher_store_close(store);
}

/* ---- the key file
 * --------------------------------------------------------------------------------- */

static void opens_with_the_passphrase_alone(void **state) {
    (void)state;
    const struct random_source random = random_system();
    struct secret_32 key;
    struct secret_32 opened;
    struct buffer file;
    bool is_protected = false;
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    assert_int_equal(key_file_make(&random, bytes_of_string("open"), &CHEAP, &key, &file), OK);
    assert_int_equal(file.size, KEY_FILE_MAX_BYTES);
    assert_null(memmem(file.data, file.size, key.bytes, sizeof(key.bytes)));
    assert_int_equal(key_file_is_protected(buffer_view(&file), &is_protected), OK);
    assert_true(is_protected);
    assert_int_equal(key_file_open(buffer_view(&file), bytes_of_string("open"), &opened), OK);
    assert_memory_equal(opened.bytes, key.bytes, sizeof(key.bytes));
    assert_int_equal(key_file_open(buffer_view(&file), bytes_of_string("Open"), &opened),
                     ERR_WRONG_PASSPHRASE);
    assert_int_equal(key_file_open(buffer_view(&file), bytes_of_string(""), &opened),
                     ERR_WRONG_PASSPHRASE);
    buffer_clear(&file);
}

/* Promise: no byte of the file can be changed without being noticed. */
static void notices_every_changed_byte(void **state) {
    (void)state;
    const struct random_source random = random_system();
    struct secret_32 key;
    struct secret_32 opened;
    struct buffer file;
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    assert_int_equal(key_file_make(&random, bytes_of_string("open"), &CHEAP, &key, &file), OK);
    for (size_t i = 0; i < file.size; i++) {
        file.data[i] ^= 1;
        assert_int_not_equal(key_file_open(buffer_view(&file), bytes_of_string("open"), &opened),
                             OK);
        file.data[i] ^= 1;
        assert_int_not_equal(
            key_file_open(bytes_make(file.data, i), bytes_of_string("open"), &opened), OK);
    }
    file.data[8] = 2;
    assert_int_equal(key_file_open(buffer_view(&file), bytes_of_string("open"), &opened),
                     ERR_STORE_NEWER);
    buffer_clear(&file);
}

static void an_empty_passphrase_runs_no_derivation(void **state) {
    (void)state;
    const struct random_source random = random_system();
    const struct argon2_cost impossible = {0};
    struct secret_32 key;
    struct secret_32 opened;
    struct buffer file;
    bool is_protected = true;
    buffer_init(&file, KEY_FILE_MAX_BYTES);
    assert_int_equal(key_file_make(&random, bytes_of_string(""), &impossible, &key, &file), OK);
    assert_int_equal(key_file_is_protected(buffer_view(&file), &is_protected), OK);
    assert_false(is_protected);
    assert_int_equal(key_file_open(buffer_view(&file), bytes_of_string(""), &opened), OK);
    assert_memory_equal(opened.bytes, key.bytes, sizeof(key.bytes));
    buffer_clear(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_whole_or_not_at_all, make_place, clear_place),
        cmocka_unit_test_setup_teardown(is_encrypted, make_place, clear_place),
        cmocka_unit_test_setup_teardown(tells_missing_newer_and_foreign_files_apart, make_place,
                                        clear_place),
        cmocka_unit_test(finds_messages_by_their_key),
        cmocka_unit_test(orders_by_time_of_writing),
        cmocka_unit_test(keeps_what_nobody_has_seen),
        cmocka_unit_test(keeps_at_most_64_waiting_of_one_sender),
        cmocka_unit_test(offers_again_on_its_days),
        cmocka_unit_test(erases_own_texts_that_have_arrived),
        cmocka_unit_test(limits_what_is_offered_to_one_person_a_day),
        cmocka_unit_test(keeps_duties_in_order_of_time),
        cmocka_unit_test(takes_receipts_from_the_oldest),
        cmocka_unit_test(remembers_ids),
        cmocka_unit_test(opens_with_the_passphrase_alone),
        cmocka_unit_test(notices_every_changed_byte),
        cmocka_unit_test(an_empty_passphrase_runs_no_derivation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
