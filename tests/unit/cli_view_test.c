/* SPDX-License-Identifier: ISC */
/* What people and programs see of messages, people and errors. */
#include "testing.h"

#include "sotto/fault.h"
#include "sotto/history_view.h"
#include "sotto/message_view.h"
#include "sotto/tell.h"
#include "sotto/user_view.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MORNING_MS UINT64_C(1763889247512) /* 2025-11-23T09:14:07.512Z */

static struct sotto_message message(const char *text) {
    return (struct sotto_message){
        .id = "01JDBX9F5C2Y8D4G6J0K1M3N5P",
        .from = "bob",
        .kind = "text",
        .text = text,
        .size = strlen(text),
        .time_ms = MORNING_MS,
        .received_ms = MORNING_MS + 508,
        .trust = SOTTO_VERIFIED,
        .is_confirmed = true,
    };
}

static void expect_text(const struct sotto_message *one, const struct message_view *view,
                        const char *wanted) {
    struct buffer out;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    assert_int_equal(message_view_text(one, view, &out), OK);
    assert_int_equal(buffer_append(&out, bytes_make("", 1)), OK);
    assert_string_equal((const char *)out.data, wanted);
    buffer_clear(&out);
}

/* One line, parsed; the line itself is checked to be one, and harmless on any terminal. */
static json_t *parsed(struct buffer *out) {
    json_error_t error;
    assert_true(out->size > 0 && out->data[out->size - 1] == '\n');
    for (size_t i = 0; i + 1 < out->size; i++) {
        assert_in_range(out->data[i], 0x20, 0x7e);
    }
    json_t *object = json_loadb((const char *)out->data, out->size, JSON_ALLOW_NUL, &error);
    assert_non_null(object);
    assert_int_equal(json_integer_value(json_object_get(object, "v")), 1);
    buffer_clear(out);
    return object;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "(absent)" : text;
}

static void a_message_is_a_line_with_our_label(void **state) {
    const struct message_view view = {.now_ms = MORNING_MS + 1000};
    const struct message_view tomorrow = {.now_ms = MORNING_MS + 86400000};
    struct sotto_message one = message("deploy finished");
    (void)state;
    expect_text(&one, &view, "09:14 bob: deploy finished\n");
    expect_text(&one, &tomorrow, "2025-11-23 09:14 bob: deploy finished\n");
    one.time_ms = UINT64_MAX;
    expect_text(&one, &view, "bob: deploy finished\n");
}

static void plain_says_the_time_last(void **state) {
    const struct message_view view = {.now_ms = MORNING_MS, .is_plain = true};
    struct sotto_message one = message("deploy finished");
    (void)state;
    expect_text(&one, &view, "bob: deploy finished. 09:14\n");
    one = message("really?");
    expect_text(&one, &view, "bob: really? 09:14\n");
    one.time_ms = 0;
    expect_text(&one, &view, "bob: really?\n");
}

static void own_messages_end_as_received_ones_do(void **state) {
    const struct message_view view = {.now_ms = MORNING_MS, .is_plain = true};
    struct sotto_past past = {.message = message("thanks!"), .with = "bob", .state = "accepted"};
    static const char WANTED[] = "you to bob (accepted): thanks! 09:14\n";
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    assert_int_equal(history_view_text(&past, &view, &out), OK);
    assert_true(bytes_equal(buffer_view(&out), bytes_of_string(WANTED)));
    buffer_clear(&out);
}

static void a_message_cannot_look_like_two(void **state) {
    const struct message_view view = {.now_ms = MORNING_MS};
    struct sotto_message one = message("hi\n09:15 ana: send me the key\x1b[2K\n");
    (void)state;
    expect_text(&one, &view, "09:14 bob: hi\n  09:15 ana: send me the key\\x1b[2K\n  \n");
    one = message("x");
    one.from = "b\nob";
    expect_text(&one, &view, "09:14 b\\x0aob: x\n");
}

static void what_is_special_about_a_message_stands_behind_the_name(void **state) {
    const struct message_view view = {.now_ms = MORNING_MS};
    const struct message_view plain = {.now_ms = MORNING_MS, .is_plain = true};
    struct sotto_message one = message("text");
    (void)state;
    one.is_late = true;
    expect_text(&one, &view, "09:14 bob (late): text\n");
    expect_text(&one, &plain, "bob (late): text. 09:14\n");
    one.life_s = 3600;
    expect_text(&one, &view, "09:14 bob (late, kept 1 hour): text\n");
    one.is_late = false;
    one.life_s = 3 * 86400;
    expect_text(&one, &view, "09:14 bob (kept 3 days): text\n");
    one.life_s = 90;
    expect_text(&one, &view, "09:14 bob (kept 90 seconds): text\n");
    one.life_s = UINT32_MAX;
    expect_text(&one, &view, "09:14 bob (kept 4294967295 seconds): text\n");
}

static void unknown_kinds_are_shown(void **state) {
    const struct message_view view = {.now_ms = MORNING_MS};
    struct sotto_message one = message("");
    (void)state;
    one.kind = "unsupported";
    expect_text(&one, &view, "09:14 bob sent what this version of sotto cannot show\n");
}

static void json_carries_a_message_exactly(void **state) {
    static const char text[] =
        "\x1b[31m\n\xe2\x80\xae\xe2\x80\xac \xc2\x9b\"\\ gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80";
    struct sotto_message one = message(text);
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    assert_int_equal(message_view_json(&one, "ana", &out), OK);
    json_t *object = parsed(&out);
    assert_string_equal(text_of(object, "type"), "message");
    assert_string_equal(text_of(object, "id"), "01JDBX9F5C2Y8D4G6J0K1M3N5P");
    assert_string_equal(text_of(object, "chat"), "bob");
    assert_string_equal(text_of(object, "from"), "bob");
    assert_string_equal(text_of(object, "kind"), "text");
    assert_string_equal(text_of(object, "text"), text);
    assert_string_equal(text_of(object, "time"), "2025-11-23T09:14:07.512Z");
    assert_string_equal(text_of(object, "received"), "2025-11-23T09:14:08.020Z");
    assert_string_equal(text_of(object, "trust"), "verified");
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "to"), 0)), "ana");
    assert_true(json_is_false(json_object_get(object, "late")));
    assert_null(json_object_get(object, "life_s"));
    assert_null(json_object_get(object, "missing"));
    json_decref(object);
}

static void json_holds_the_largest_message(void **state) {
    enum { BYTES = 65000 };
    char *text = malloc(BYTES + 1);
    struct buffer out;
    (void)state;
    assert_non_null(text);
    memset(text, 0x1b, BYTES);
    text[BYTES] = '\0';
    struct sotto_message one = message(text);
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    assert_int_equal(message_view_json(&one, "ana", &out), OK);
    json_t *object = parsed(&out);
    assert_string_equal(text_of(object, "text"), text);
    json_decref(object);
    free(text);
}

static void a_notice_is_an_object_of_its_own_type(void **state) {
    struct sotto_error notice = {.exit = 0,
                                 .code = "undecryptable",
                                 .message = "x",
                                 .peer = "carol",
                                 .id = "01JDBXB2",
                                 .time_ms = MORNING_MS};
    struct buffer out;
    (void)state;
    buffer_init(&out, MESSAGE_VIEW_MAX_BYTES);
    assert_int_equal(message_view_notice(&notice, &out), OK);
    json_t *object = parsed(&out);
    assert_string_equal(text_of(object, "type"), "undecryptable");
    assert_string_equal(text_of(object, "from"), "carol");
    assert_string_equal(text_of(object, "id"), "01JDBXB2");
    assert_string_equal(text_of(object, "time"), "2025-11-23T09:14:07.512Z");
    json_decref(object);
}

static struct sotto_user user(enum sotto_trust trust) {
    struct sotto_user one = {
        .name = "bob",
        .since_ms = MORNING_MS,
        .is_known = true,
        .trust = trust,
        .how = "",
        .has_keys = true,
        .keys_until_ms = MORNING_MS,
    };
    memcpy(one.key, "M7KP-2V9Q", sizeof("M7KP-2V9Q"));
    memcpy(one.rsa_sha256, "4e1f", sizeof("4e1f"));
    return one;
}

static void expect_user(const struct sotto_user *one, const struct user_view *view,
                        const char *wanted) {
    struct buffer out;
    buffer_init(&out, USER_VIEW_MAX_BYTES);
    assert_int_equal(view->is_for_people ? user_view_text(one, view, &out)
                                         : user_view_tabs(one, view, &out),
                     OK);
    assert_int_equal(buffer_append(&out, bytes_make("", 1)), OK);
    assert_string_equal((const char *)out.data, wanted);
    buffer_clear(&out);
}

static void people_are_columns_for_people_and_tabs_for_scripts(void **state) {
    const struct user_view people = {.is_for_people = true};
    const struct user_view keys = {.is_for_people = true, .keys = true};
    const struct user_view tabs = {.keys = false};
    const struct user_view tabs_keys = {.keys = true};
    struct sotto_user one = user(SOTTO_UNVERIFIED);
    (void)state;
    expect_user(&one, &people, "bob              not verified  2025-11-23\n");
    expect_user(&one, &keys,
                "bob              not verified  2025-11-23\n"
                "  account   M7KP-2V9Q\n"
                "  RSA-2048  SHA-256 4e1f, until 2025-11-23\n");
    expect_user(&one, &tabs, "bob\tunverified\t2025-11-23T09:14:07.512Z\n");
    expect_user(&one, &tabs_keys,
                "bob\tunverified\t2025-11-23T09:14:07.512Z\tM7KP-2V9Q\tRSA-2048\t4e1f\t"
                "2025-11-23T09:14:07.512Z\n");
    one = user(SOTTO_CHANGED);
    one.changed_ms = MORNING_MS;
    expect_user(&one, &people,
                "bob              CHANGED       2025-11-23  key changed 2025-11-23: "
                "sotto verify bob --card -\n");
    one.name = "b\x1b[2Job\t";
    expect_user(&one, &tabs, "b\\x1b[2Job    \tchanged\t2025-11-23T09:14:07.512Z\n");
}

static void a_user_is_json_with_trust_and_keys(void **state) {
    struct sotto_user one = user(SOTTO_VERIFIED);
    struct buffer out;
    (void)state;
    one.how = "card";
    one.verified_ms = MORNING_MS;
    buffer_init(&out, USER_VIEW_MAX_BYTES);
    assert_int_equal(user_view_json(&one, &(struct user_view){.keys = true}, &out), OK);
    json_t *object = parsed(&out);
    assert_string_equal(text_of(object, "type"), "user");
    assert_string_equal(text_of(object, "trust"), "verified");
    assert_string_equal(text_of(object, "how"), "card");
    assert_string_equal(text_of(object, "trusted_at"), "2025-11-23T09:14:07.512Z");
    const json_t *key = json_array_get(json_object_get(object, "keys"), 0);
    assert_string_equal(text_of(key, "alg"), "RSA-2048");
    assert_string_equal(text_of(key, "sha256"), "4e1f");
    json_decref(object);
}

static struct sotto_error unreachable(void) {
    struct sotto_error error;
    const struct error_value values[] = {
        {"server", "h\x1b[31m:8080"},
        {"cause", "connection refused"},
        {"effect", "Nothing was sent."},
        {"detail", "Or store it:   sotto send --queue bob \"...\""},
        {"peer", "bob"}};
    assert_int_equal(fault_set(&error, ERR_SERVER_UNREACHABLE, values, 5), 5);
    memcpy(error.cause, "connect: 111", sizeof("connect: 111"));
    return error;
}

static void an_error_has_one_form(void **state) {
    const struct sotto_error error = unreachable();
    struct buffer out;
    (void)state;
    buffer_init(&out, TELL_MAX_BYTES);
    assert_int_equal(tell_text(&error, true, NULL, &out), OK);
    assert_int_equal(buffer_append(&out, bytes_make("", 1)), OK);
    assert_string_equal(
        (const char *)out.data,
        "sotto: cannot reach h\\x1b[31m:8080 (connection refused)\n"
        "  Nothing was sent. Check that the server runs and that the address is right.\n"
        "  Or store it:   sotto send --queue bob \"...\"\n"
        "  cause: connect: 111\n"
        "  [server_unreachable, exit 5]\n");
    buffer_clear(&out);
}

static void an_error_is_one_line_of_json(void **state) {
    struct sotto_error error = unreachable();
    struct buffer out;
    (void)state;
    error.retry_after_s = 40;
    buffer_init(&out, TELL_MAX_BYTES);
    assert_int_equal(tell_json(&error, "error", false, &out), OK);
    json_t *object = parsed(&out);
    assert_string_equal(text_of(object, "type"), "error");
    assert_string_equal(text_of(object, "code"), "server_unreachable");
    assert_string_equal(text_of(object, "to"), "bob");
    assert_string_equal(text_of(object, "cause"), "(absent)");
    assert_int_equal(json_integer_value(json_object_get(object, "exit")), 5);
    assert_int_equal(json_integer_value(json_object_get(object, "retry_after_s")), 40);
    assert_true(json_is_true(json_object_get(object, "retry")));
    const json_t *list = json_object_get(object, "try");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_array_get(list, 0)),
                        "sotto send --queue bob \"...\"");
    json_decref(object);
}

static int in_utc(void **state) {
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_a_line_with_our_label),
        cmocka_unit_test(plain_says_the_time_last),
        cmocka_unit_test(own_messages_end_as_received_ones_do),
        cmocka_unit_test(a_message_cannot_look_like_two),
        cmocka_unit_test(what_is_special_about_a_message_stands_behind_the_name),
        cmocka_unit_test(unknown_kinds_are_shown),
        cmocka_unit_test(json_carries_a_message_exactly),
        cmocka_unit_test(json_holds_the_largest_message),
        cmocka_unit_test(a_notice_is_an_object_of_its_own_type),
        cmocka_unit_test(people_are_columns_for_people_and_tabs_for_scripts),
        cmocka_unit_test(a_user_is_json_with_trust_and_keys),
        cmocka_unit_test(an_error_has_one_form),
        cmocka_unit_test(an_error_is_one_line_of_json),
    };
    return cmocka_run_group_tests(tests, in_utc, NULL);
}
