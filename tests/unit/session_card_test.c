/* SPDX-License-Identifier: ISC */
#include "session_world.h"

#include "session/card.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/** A form of an address, and what it means. */
struct address_row {
    const char *text;
    const char *host; /**< NULL: refused */
    uint16_t port;
    const char *printed;
};

static const struct address_row ADDRESSES[] = {
    {"chat.example.org", "chat.example.org", 8080, "chat.example.org:8080"},
    {"CHAT.Example.ORG:443", "chat.example.org", 443, "chat.example.org:443"},
    {"192.168.1.20", "192.168.1.20", 8080, "192.168.1.20:8080"},
    {"my_host-2:1", "my_host-2", 1, "my_host-2:1"},
    {"h:65535", "h", 65535, "h:65535"},
    {"[::1]", "::1", 8080, "[::1]:8080"},
    {"[2001:DB8::7]:99", "2001:db8::7", 99, "[2001:db8::7]:99"},
    {"[::ffff:10.0.0.1]:99", "::ffff:10.0.0.1", 99, "[::ffff:10.0.0.1]:99"},
    {"[fe80::1%eth0]", "fe80::1%eth0", 8080, "[fe80::1%eth0]:8080"},
    {"", NULL, 0, NULL},
    {":8080", NULL, 0, NULL},
    {"h:", NULL, 0, NULL},
    {"h:0", NULL, 0, NULL},
    {"h:65536", NULL, 0, NULL},
    {"h:100000", NULL, 0, NULL},
    {"h:80a", NULL, 0, NULL},
    {"h:-1", NULL, 0, NULL},
    {"h:80:81", NULL, 0, NULL},
    {"::1", NULL, 0, NULL},
    {"2001:db8::7", NULL, 0, NULL},
    {"[]", NULL, 0, NULL},
    {"[::1", NULL, 0, NULL},
    {"[::1]8080", NULL, 0, NULL},
    {"[::1]:", NULL, 0, NULL},
    {"[host]:80", NULL, 0, NULL},
    {"[::g]", NULL, 0, NULL},
    {"[::1%]", NULL, 0, NULL},
    {"[::1%a/b]", NULL, 0, NULL},
    {"-host", NULL, 0, NULL},
    {".host", NULL, 0, NULL},
    {"a host", NULL, 0, NULL},
    {"h/st", NULL, 0, NULL},
    {"h@st", NULL, 0, NULL},
    {"h\xc3\xa9", NULL, 0, NULL},
};

static void addresses_are_read_as_people_write_them(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS(ADDRESSES); i++) {
        const struct address_row *row = &ADDRESSES[i];
        struct server_address address;
        char printed[HOST_MAX_BYTES + 9];
        enum error error = server_address_parse(bytes_of_string(row->text), &address);
        if (error != (row->host == NULL ? ERR_MALFORMED : OK)) {
            fail_msg("'%s': %d", row->text, (int)error);
        }
        if (row->host != NULL) {
            assert_string_equal(address.host, row->host);
            assert_int_equal(address.port, row->port);
            server_address_print(&address, printed, sizeof(printed));
            assert_string_equal(printed, row->printed);
        }
    }
}

static void a_host_of_253_characters_fits_and_one_of_254_does_not(void **state) {
    (void)state;
    char text[HOST_MAX_BYTES + 2];
    struct server_address address;
    memset(text, 'a', sizeof(text));
    assert_int_equal(server_address_parse(bytes_make(text, HOST_MAX_BYTES), &address), OK);
    assert_int_equal(server_address_parse(bytes_make(text, HOST_MAX_BYTES + 1), &address),
                     ERR_MALFORMED);
    assert_int_equal(server_address_parse(bytes_make("h\0st", 4), &address), ERR_MALFORMED);
}

static struct join_link example_link(const char *server) {
    struct join_link link;
    memset(&link, 0, sizeof(link));
    assert_int_equal(server_address_parse(bytes_of_string(server), &link.server), OK);
    uint8_t hash[HASH_BYTES];
    for (size_t i = 0; i < sizeof(hash); i++) {
        hash[i] = (uint8_t)(37 * i + 11);
    }
    pin_of_hash(hash, link.pin);
    memcpy(link.token, hash + 20, sizeof(link.token));
    return link;
}

static bool link_equal(const struct join_link *a, const struct join_link *b) {
    return strcmp(a->server.host, b->server.host) == 0 && a->server.port == b->server.port &&
           memcmp(a->pin, b->pin, PIN_BYTES) == 0 &&
           memcmp(a->token, b->token, INVITE_TOKEN_BYTES) == 0;
}

static void a_printed_link_is_read_again(void **state) {
    (void)state;
    static const char *const SERVERS[] = {"chat.example.org", "192.168.1.20:8080", "[::1]:99",
                                          "[2001:db8::7]"};
    for (size_t i = 0; i < ROWS(SERVERS); i++) {
        struct join_link link = example_link(SERVERS[i]);
        struct join_link parsed;
        char text[LINK_MAX_CHARACTERS + 1];
        assert_int_equal(join_link_print(&link, text, sizeof(text)), OK);
        assert_int_equal(join_link_parse(bytes_of_string(text), &parsed), OK);
        assert_true(link_equal(&link, &parsed));
    }
}

/** The check characters are those of the header's rule, worked out here a second time. */
static void the_check_covers_the_canonical_text(void **state) {
    (void)state;
    struct join_link link = example_link("Chat.Example.org");
    char text[LINK_MAX_CHARACTERS + 1];
    char check[CHECK_CHARACTERS + 1];
    uint8_t hash[HASH_BYTES];
    assert_int_equal(join_link_print(&link, text, sizeof(text)), OK);
    size_t size = strlen(text);
    assert_int_equal(size, strlen("sotto://chat.example.org:8080/") + 44);
    const struct bytes parts[] = {bytes_of_string("sotto-link:"), bytes_make(text, size - 2)};
    assert_int_equal(sha256(parts, 2, hash), OK);
    base32_encode(hash, 10, check);
    assert_string_equal(text + size - 2, check);
}

static void a_link_is_read_in_every_form_that_means_the_same(void **state) {
    (void)state;
    struct join_link link = example_link("chat.example.org");
    struct join_link parsed;
    char text[LINK_MAX_CHARACTERS + 1];
    char form[3 * LINK_MAX_CHARACTERS];
    assert_int_equal(join_link_print(&link, text, sizeof(text)), OK);
    const char *payload = strrchr(text, '/') + 1;

    (void)snprintf(form, sizeof(form), "  sotto://chat.example.org/%s\n", payload);
    assert_int_equal(join_link_parse(bytes_of_string(form), &parsed), OK);
    assert_true(link_equal(&link, &parsed));

    (void)snprintf(form, sizeof(form), "SOTTO://CHAT.EXAMPLE.ORG:8080/");
    size_t at = strlen(form);
    for (size_t i = 0; payload[i] != '\0'; i++) { /* lower case, in groups, digits as letters */
        char c = (char)tolower(payload[i]);
        c = c == '0' ? 'o' : c == '1' ? (i % 2 == 0 ? 'l' : 'I') : c;
        form[at++] = c;
        if (i % 4 == 3) {
            form[at++] = i % 8 == 3 ? '-' : ' ';
        }
    }
    form[at] = '\0';
    assert_int_equal(join_link_parse(bytes_of_string(form), &parsed), OK);
    assert_true(link_equal(&link, &parsed));
}

static void what_is_no_link_is_not_called_mistyped(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "sotto",
        "sotto:/",
        "sotto://",
        "sotto://chat.example.org",
        "http://chat.example.org/x",
        "sotto-card:1:ana@h:X:YY",
        "sotto:///0123",
        "sotto://a b/0123",
        "sotto://h:0/0123",
    };
    struct join_link link;
    for (size_t i = 0; i < ROWS(TEXTS); i++) {
        assert_int_equal(join_link_parse(bytes_of_string(TEXTS[i]), &link), ERR_MALFORMED);
    }
    assert_int_equal(join_link_parse(bytes_of_string("sotto://chat.example.org/0123"), &link),
                     ERR_LINK_MISTYPED);
    assert_int_equal(join_link_parse(bytes_of_string("sotto://chat.example.org/"), &link),
                     ERR_LINK_MISTYPED);
}

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Every single wrong character of the payload, dropped and swapped ones; ten check bits let one in
 * a thousand pass. The sample is fixed, so the number is too. */
static void typing_mistakes_in_a_link_are_caught(void **state) {
    (void)state;
    struct join_link link = example_link("chat.example.org");
    struct join_link parsed;
    char text[LINK_MAX_CHARACTERS + 1];
    size_t tried = 0;
    size_t passed = 0;
    assert_int_equal(join_link_print(&link, text, sizeof(text)), OK);
    size_t from = (size_t)(strrchr(text, '/') + 1 - text);
    for (size_t i = from; text[i] != '\0'; i++) {
        char right = text[i];
        for (size_t j = 0; j < sizeof(ALPHABET) - 1; j++) {
            text[i] = ALPHABET[j];
            enum error error = join_link_parse(bytes_of_string(text), &parsed);
            if (ALPHABET[j] == right) {
                assert_int_equal(error, OK);
                continue;
            }
            tried++;
            passed += error == OK;
            assert_true(error == OK || error == ERR_LINK_MISTYPED);
        }
        text[i] = '!';
        assert_int_equal(join_link_parse(bytes_of_string(text), &parsed), ERR_LINK_MISTYPED);
        text[i] = right;
    }
    assert_int_equal(tried, 44 * 31);
    assert_in_range(passed, 0, 4);
    for (size_t i = from; text[i + 1] != '\0'; i++) { /* neighbours change places */
        char one = text[i];
        char two = text[i + 1];
        text[i] = two;
        text[i + 1] = one;
        assert_int_equal(join_link_parse(bytes_of_string(text), &parsed),
                         one == two ? OK : ERR_LINK_MISTYPED);
        text[i] = one;
        text[i + 1] = two;
    }
    assert_int_equal(join_link_parse(bytes_make(text, strlen(text) - 1), &parsed),
                     ERR_LINK_MISTYPED);
}

static void a_mistyped_host_is_caught(void **state) {
    (void)state;
    struct join_link link = example_link("chat.example.org");
    struct join_link parsed;
    char text[LINK_MAX_CHARACTERS + 1];
    assert_int_equal(join_link_print(&link, text, sizeof(text)), OK);
    char *host = text + strlen("sotto://");
    size_t passed = 0;
    for (size_t i = 0; host[i] != ':'; i++) {
        char right = host[i];
        for (int c = 'a'; c <= 'z'; c++) {
            host[i] = (char)c;
            enum error error = join_link_parse(bytes_of_string(text), &parsed);
            assert_true(error == ERR_LINK_MISTYPED || error == OK);
            passed += error == OK && c != right;
        }
        host[i] = right;
    }
    assert_in_range(passed, 0, 2);
    (void)snprintf(strchr(host, ':'), 2, ";");
    assert_int_equal(join_link_parse(bytes_of_string(text), &parsed), ERR_MALFORMED);
}

static struct card example_card(const char *name, const char *server) {
    struct card card;
    memset(&card, 0, sizeof(card));
    struct join_link link = example_link(server);
    assert_int_equal(user_name_parse(bytes_of_string(name), &card.name), OK);
    card.server = link.server;
    memcpy(card.fingerprint, link.pin, PIN_BYTES);
    return card;
}

static bool card_equal(const struct card *a, const struct card *b) {
    return user_name_equal(&a->name, &b->name) && strcmp(a->server.host, b->server.host) == 0 &&
           a->server.port == b->server.port &&
           memcmp(a->fingerprint, b->fingerprint, PIN_BYTES) == 0;
}

static void a_printed_card_is_read_again(void **state) {
    (void)state;
    static const char *const SERVERS[] = {"chat.example.org", "192.168.1.20:8081", "[::1]:99",
                                          "[2001:db8::7]"};
    for (size_t i = 0; i < ROWS(SERVERS); i++) {
        struct card card = example_card("0123456789abcdef0123456789abcdef", SERVERS[i]);
        struct card parsed;
        char text[CARD_MAX_CHARACTERS + 1];
        assert_int_equal(card_print(&card, text, sizeof(text)), OK);
        assert_int_equal(card_parse(bytes_of_string(text), &parsed), OK);
        assert_true(card_equal(&card, &parsed));
    }
}

static void a_card_is_read_in_every_form_that_means_the_same(void **state) {
    (void)state;
    struct card card = example_card("ana", "chat.example.org");
    struct card parsed;
    char text[CARD_MAX_CHARACTERS + 1];
    char form[2 * CARD_MAX_CHARACTERS];
    assert_int_equal(card_print(&card, text, sizeof(text)), OK);
    const char *rest = strstr(text, ":8080:") + 6;
    (void)snprintf(form, sizeof(form), "\t SOTTO-CARD:1:Ana@Chat.Example.Org:%.4s-%.4s %s\r\n",
                   rest, rest + 4, rest + 8);
    assert_int_equal(card_parse(bytes_of_string(form), &parsed), OK);
    assert_true(card_equal(&card, &parsed));
    const char *last = strrchr(text, ':');
    uint8_t hash[HASH_BYTES];
    char check[CHECK_CHARACTERS + 1];
    const struct bytes parts[] = {bytes_of_string("sotto-card:"),
                                  bytes_make(text, (size_t)(last - text))};
    assert_int_equal(sha256(parts, 2, hash), OK);
    base32_encode(hash, 10, check);
    assert_string_equal(last + 1, check);
}

static void typing_mistakes_in_a_card_are_caught(void **state) {
    (void)state;
    struct card card = example_card("ana", "chat.example.org");
    struct card parsed;
    char text[CARD_MAX_CHARACTERS + 1];
    size_t passed = 0;
    size_t tried = 0;
    assert_int_equal(card_print(&card, text, sizeof(text)), OK);
    for (size_t i = strlen("sotto-card:1:"); text[i] != '\0'; i++) {
        char right = text[i];
        if (right == '@' || right == ':' || right == '.') {
            continue;
        }
        for (size_t j = 0; j < sizeof(ALPHABET) - 1; j++) {
            text[i] = ALPHABET[j];
            enum error error = card_parse(bytes_of_string(text), &parsed);
            if (toupper(right) == ALPHABET[j]) {
                assert_int_equal(error, OK);
                continue;
            }
            tried++;
            passed += error == OK;
            assert_true(error == OK || error == ERR_CARD_MISTYPED || error == ERR_MALFORMED);
        }
        text[i] = right;
    }
    assert_true(tried > 1300);
    assert_in_range(passed, 0, 5);
}

static void what_is_no_card_is_not_called_mistyped(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "sotto-card:",
        "sotto-card:1:",
        "sotto-card:1:ana",
        "sotto-card:1:ana@h",
        "sotto-card:2:ana@h:M7KP2V9Q4T6WXB3DH8R5ZN1C0F:K4",
        "sotto-card:1:anah:M7KP2V9Q4T6WXB3DH8R5ZN1C0F:K4",
        "sotto-card:1:@h:M7KP2V9Q4T6WXB3DH8R5ZN1C0F:K4",
        "sotto-card:1:a!a@h:M7KP2V9Q4T6WXB3DH8R5ZN1C0F:K4",
        "sotto-card:1:ana@:M7KP2V9Q4T6WXB3DH8R5ZN1C0F:K4",
        "sotto://chat.example.org/0123",
    };
    struct card card;
    for (size_t i = 0; i < ROWS(TEXTS); i++) {
        assert_int_equal(card_parse(bytes_of_string(TEXTS[i]), &card), ERR_MALFORMED);
    }
    assert_int_equal(
        card_parse(bytes_of_string("sotto-card:1:ana@h:M7KP2V9Q4T6WXB3DH8R5ZN1C0:K4"), &card),
        ERR_CARD_MISTYPED);
}

static void too_little_room_is_an_error(void **state) {
    (void)state;
    struct join_link link = example_link("h");
    struct card card = example_card("ana", "h");
    char text[LINK_MAX_CHARACTERS + 1];
    size_t link_size = strlen("sotto://h:8080/") + 44;
    assert_int_equal(join_link_print(&link, text, link_size), ERR_LIMIT);
    assert_int_equal(join_link_print(&link, text, link_size + 1), OK);
    size_t card_size = strlen("sotto-card:1:ana@h:8080:") + 26 + 3;
    assert_int_equal(card_print(&card, text, card_size), ERR_LIMIT);
    assert_int_equal(card_print(&card, text, card_size + 1), OK);
}

static void a_pin_is_130_bits_in_groups_of_four(void **state) {
    (void)state;
    uint8_t hash[HASH_BYTES];
    uint8_t pin[PIN_BYTES];
    char text[40];
    memset(hash, 0xff, sizeof(hash));
    pin_of_hash(hash, pin);
    assert_int_equal(pin[PIN_BYTES - 1], 0xc0);
    pin_print(pin, text, sizeof(text));
    assert_string_equal(text, "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZ");
}

static void both_see_the_same_safety_number(void **state) {
    struct world *world = *state;
    char one[61];
    char two[61];
    char other[61];
    assert_int_equal(safety_number(&world->a.parsed, &world->b.parsed, one), OK);
    assert_int_equal(safety_number(&world->b.parsed, &world->a.parsed, two), OK);
    assert_string_equal(one, two);
    assert_int_equal(strspn(one, "0123456789"), 60);
    /* A bit of a key or of a name makes another number; a renewed certificate does not. */
    struct certificate changed = world->b.parsed;
    changed.account_mldsa[100] ^= 1;
    assert_int_equal(safety_number(&world->a.parsed, &changed, other), OK);
    assert_string_not_equal(one, other);
    changed = world->b.parsed;
    changed.name.text[0] = 'r';
    assert_int_equal(safety_number(&world->a.parsed, &changed, other), OK);
    assert_string_not_equal(one, other);
    changed = world->b.parsed;
    changed.epoch++;
    changed.signing[0] ^= 1;
    assert_int_equal(safety_number(&world->a.parsed, &changed, other), OK);
    assert_string_equal(one, other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_as_people_write_them),
        cmocka_unit_test(a_host_of_253_characters_fits_and_one_of_254_does_not),
        cmocka_unit_test(a_printed_link_is_read_again),
        cmocka_unit_test(the_check_covers_the_canonical_text),
        cmocka_unit_test(a_link_is_read_in_every_form_that_means_the_same),
        cmocka_unit_test(what_is_no_link_is_not_called_mistyped),
        cmocka_unit_test(typing_mistakes_in_a_link_are_caught),
        cmocka_unit_test(a_mistyped_host_is_caught),
        cmocka_unit_test(a_printed_card_is_read_again),
        cmocka_unit_test(a_card_is_read_in_every_form_that_means_the_same),
        cmocka_unit_test(typing_mistakes_in_a_card_are_caught),
        cmocka_unit_test(what_is_no_card_is_not_called_mistyped),
        cmocka_unit_test(too_little_room_is_an_error),
        cmocka_unit_test(a_pin_is_130_bits_in_groups_of_four),
        cmocka_unit_test(both_see_the_same_safety_number),
    };
    return cmocka_run_group_tests(tests, world_make, world_free);
}
