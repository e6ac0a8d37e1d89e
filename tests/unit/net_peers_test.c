/* SPDX-License-Identifier: ISC */
/* Peers that are slow, foreign, hostile, or gone: what they get, and that nothing of them stays. */
#include "net_raw.h"

#include "base/limits.h"

#include <openssl/err.h>

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HELLO_ROOM = 4096,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_NO_ALPN = 120
};

static struct world world;

static bool none_is_left(void) {
    for (size_t i = 0; i < world.accepted_count; i++) {
        if (!world.accepted[i].is_closed) {
            return false;
        }
    }
    return true;
}

/* --- foreign TLS --- */

static void speaks_one_version_group_and_protocol(void **state) {
    (void)state;
    const struct {
        struct raw_settings settings;
        int alert;
    } cases[] = {
        {{.alpn = "h2"}, ALERT_NO_ALPN},
        {{.alpn = "sotto-wire/2"}, ALERT_NO_ALPN},
        {{.alpn = "sotto-wire/1x"}, ALERT_NO_ALPN},
        {{.alpn = ""}, ALERT_NO_ALPN},
        {{.group = "X25519"}, ALERT_HANDSHAKE_FAILURE},
        {{.group = "P-256"}, ALERT_HANDSHAKE_FAILURE},
        {{.group = "X25519:X25519MLKEM768"}, ALERT_HANDSHAKE_FAILURE},
        {{.version = TLS1_2_VERSION, .group = "X25519"}, ALERT_PROTOCOL_VERSION},
    };
    world_open(&world, "127.0.0.1");
    for (size_t i = 0; i < ROWS(cases); i++) {
        int handle = -1;
        int alert = -1;
        assert_null(raw_handshake(&world, &cases[i].settings, &handle, &alert));
        assert_int_equal(alert, cases[i].alert);
        assert_int_equal(close(handle), 0);
        assert_false(world.accepted[i].is_established);
    }
    world_until(&world, none_is_left());
    world_close(&world);
}

static void gives_no_ticket_and_resumes_nothing(void **state) {
    (void)state;
    const struct raw_settings ours = {0};
    int handle = -1;
    int alert = -1;
    world_open(&world, "127.0.0.1");
    world.echoes = true;
    SSL *ssl = raw_handshake(&world, &ours, &handle, &alert);
    assert_non_null(ssl);
    assert_string_equal(SSL_get_version(ssl), "TLSv1.3");
    assert_int_equal(SSL_write(ssl, "x", 1), 1);
    uint8_t byte = 0;
    while (SSL_read(ssl, &byte, 1) != 1) {
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(byte, 'x');
    assert_int_equal(SSL_SESSION_has_ticket(SSL_get0_session(ssl)), 0);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get0_session(ssl)), 0);
    SSL_free(ssl);
    assert_int_equal(close(handle), 0);
    world_close(&world);
}

static void bounds_a_flood_of_key_updates(void **state) {
    (void)state;
    const struct raw_settings ours = {0};
    int handle = -1;
    int alert = -1;
    world_open(&world, "127.0.0.1");
    SSL *ssl = raw_handshake(&world, &ours, &handle, &alert);
    assert_non_null(ssl);
    world_until(&world, world.accepted[0].is_established);
    /* One now and then is allowed. */
    assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_write(ssl, "a", 1), 1);
    world_until(&world, world.accepted[0].received == 1);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(ssl), 1);
    }
    world_until(&world, world.accepted[0].is_closed);
    assert_int_equal(world.accepted[0].received, 1);
    SSL_free(ssl);
    assert_int_equal(close(handle), 0);
    ERR_clear_error();
    world_close(&world);
}

/* --- no TLS at all --- */

static void hangs_up_on_what_is_not_a_client_hello(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\0\0\0\x62\x01\0\0\0\x01", 9},
        {"\x16\x02\x01\x01\x00", 5},                 /* not TLS's version */
        {"\x15\x03\x01\x00\x02", 5},                 /* an alert */
        {"\x16\x03\x01\x00\x84\x02\x00\x00\x80", 9}, /* a ServerHello */
        {"\x16\x03\x01\x10\x05\x01\x00\x10\x01", 9}, /* 4,097 bytes */
        {"\x16\x03\x01\x40\x00\x01\x01\xff\xff", 9}, /* 131,071 bytes, in several records */
        {"\x16\x03\x01\x00\x02\x01\x00\x00\x80", 9}, /* in pieces */
        {"\x16\x03\x01\x00\x90\x01\x00\x00\x80", 9}, /* with something behind it */
    };
    world_open(&world, "127.0.0.1");
    for (size_t i = 0; i < ROWS(cases); i++) {
        int handle = raw_connect(&world);
        raw_send(&world, handle, bytes_make(cases[i].bytes, cases[i].size));
        assert_true(raw_sees_end(&world, handle));
        assert_int_equal(close(handle), 0);
    }
    world_until(&world, none_is_left());
    assert_int_equal(world.accepted_count, ROWS(cases));
    world_close(&world);
}

/* After the ClientHello too: OpenSSL would take memory for the largest record once one has begun.
 */
static void takes_no_large_record_before_the_handshake_is_done(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM];
    size_t size = raw_client_hello(hello, sizeof(hello));
    world_open(&world, "127.0.0.1");
    int handle = raw_connect(&world);
    raw_send(&world, handle, bytes_make(hello, size));
    raw_send(&world, handle, bytes_make("\x17\x03\x03\x40\x00", 5));
    assert_true(raw_sees_end(&world, handle));
    assert_int_equal(close(handle), 0);
    world_until(&world, none_is_left());
    assert_false(world.accepted[0].is_established);
    world_close(&world);
}

static void takes_a_client_hello_byte_by_byte(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM];
    size_t size = raw_client_hello(hello, sizeof(hello));
    world_open(&world, "127.0.0.1");
    int handle = raw_connect(&world);
    for (size_t i = 0; i < size; i++) {
        raw_send(&world, handle, bytes_make(hello + i, 1));
    }
    /* It answers: a handshake record. */
    uint8_t answer = 0;
    while (read(handle, &answer, 1) != 1) {
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(answer, 0x16);
    assert_false(world.accepted[0].is_closed);
    assert_int_equal(close(handle), 0);
    world_until(&world, world.accepted[0].is_closed);
    world_close(&world);
}

static void waits_in_silence_until_it_is_told_to_close(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM];
    size_t size = raw_client_hello(hello, sizeof(hello));
    const size_t stages[] = {0, 1, 8, 9, 100, size};
    world_open(&world, "127.0.0.1");
    for (size_t i = 0; i < ROWS(stages); i++) {
        int handle = raw_connect(&world);
        raw_send(&world, handle, bytes_make(hello, stages[i]));
        world_until(&world, world.accepted_count == i + 1);
        world_wait(&world, 10);
        assert_false(world.accepted[i].is_closed);
        connection_close(world.accepted[i].connection, true);
        assert_true(raw_sees_end(&world, handle));
        world_until(&world, world.accepted[i].is_closed);
        assert_int_equal(close(handle), 0);
    }
    world_close(&world);
}

/* --- gone --- */

static void survives_resets_after_every_number_of_bytes(void **state) {
    (void)state;
    uint8_t hello[HELLO_ROOM];
    size_t size = raw_client_hello(hello, sizeof(hello));
    world_open(&world, "127.0.0.1");
    for (size_t sent = 0; sent <= size; sent = sent < 12 ? sent + 1 : sent + 97) {
        int handle = raw_connect(&world);
        raw_send(&world, handle, bytes_make(hello, sent));
        raw_reset(handle);
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    world_until(&world, none_is_left());
    world_close(&world);
}

static void survives_a_reset_in_the_middle_of_traffic(void **state) {
    (void)state;
    static uint8_t part[50000];
    const struct raw_settings ours = {0};
    world_open(&world, "127.0.0.1");
    for (unsigned i = 0; i < 20; i++) {
        int handle = -1;
        int alert = -1;
        SSL *ssl = raw_handshake(&world, &ours, &handle, &alert);
        assert_non_null(ssl);
        world_until(&world, world.accepted[i].is_established);
        struct connection *connection = world.accepted[i].connection;
        while (connection_pending(connection) == 0) { /* until the kernel takes no more */
            assert_int_equal(connection_write(connection, bytes_of(part)), OK);
            assert_int_equal(connection_write(connection, bytes_of(part)), OK);
            (void)uv_run(&world.loop, UV_RUN_NOWAIT);
        }
        if (i % 2 == 1) {
            connection_close(connection, true);
            assert_int_equal(connection_write(connection, bytes_of(part)), ERR_CLOSED);
        }
        SSL_free(ssl);
        raw_reset(handle);
        world_until(&world, world.accepted[i].is_closed);
    }
    world_close(&world);
}

static void gives_up_flushing_to_a_peer_that_does_not_read(void **state) {
    (void)state;
    static uint8_t part[60000];
    const struct raw_settings ours = {0};
    int handle = -1;
    int alert = -1;
    world_open(&world, "127.0.0.1");
    SSL *ssl = raw_handshake(&world, &ours, &handle, &alert);
    assert_non_null(ssl);
    world_until(&world, world.accepted[0].is_established);
    while (connection_write(world.accepted[0].connection, bytes_of(part)) == OK) {
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    uint64_t start = uv_hrtime();
    connection_close(world.accepted[0].connection, true);
    world_until(&world, world.accepted[0].is_closed);
    uint64_t took_ms = (uv_hrtime() - start) / 1000000;
    assert_in_range(took_ms, 1500, 4000);
    SSL_free(ssl);
    assert_int_equal(close(handle), 0);
    world_close(&world);
}

/* Reads to the goodbye of the other end; the number of bytes before it. */
static size_t read_to_the_end(SSL *ssl) {
    static uint8_t dropped[16384];
    size_t total = 0;
    for (;;) {
        size_t size = 0;
        int result = SSL_read_ex(ssl, dropped, sizeof(dropped), &size);
        total += result == 1 ? size : 0;
        if (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) {
            assert_int_equal(SSL_get_error(ssl, result), SSL_ERROR_ZERO_RETURN);
            return total;
        }
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
}

/* What was queued arrives, though the peer has sent more than the server ever reads: a plain close
 * would answer that with a reset, and take the last words with it. */
static void delivers_its_last_words(void **state) {
    (void)state;
    enum { UNREAD_BYTES = 10000 };
    static uint8_t words[300000];
    const struct raw_settings ours = {0};
    int handle = -1;
    int alert = -1;
    world_open(&world, "127.0.0.1");
    SSL *ssl = raw_handshake(&world, &ours, &handle, &alert);
    assert_non_null(ssl);
    struct accepted *side = &world.accepted[0];
    world_until(&world, side->is_established);
    connection_pause(side->connection, true);
    assert_int_equal(SSL_write(ssl, words, UNREAD_BYTES), UNREAD_BYTES);
    assert_int_equal(connection_write(side->connection, bytes_of(words)), OK);
    connection_close(side->connection, true);
    assert_int_equal(SSL_write(ssl, words, UNREAD_BYTES), UNREAD_BYTES);
    world_wait(&world, 100);
    assert_false(side->is_closed);
    assert_int_equal(read_to_the_end(ssl), sizeof(words));
    SSL_free(ssl);
    assert_int_equal(close(handle), 0);
    world_until(&world, side->is_closed);
    assert_int_equal(side->received, 0);
    world_close(&world);
}

static void tells_a_client_that_the_server_closed(void **state) {
    (void)state;
    static uint8_t part[200000];
    world_open(&world, "127.0.0.1");
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, caller->is_connected && world.accepted[0].is_established);
    assert_int_equal(net_client_write(caller->client, bytes_of(part)), OK);
    assert_int_equal(connection_write(world.accepted[0].connection, bytes_of(part)), OK);
    connection_close(world.accepted[0].connection, true);
    world_until(&world, caller->is_closed && world.accepted[0].is_closed);
    assert_int_equal(caller->received, sizeof(part));
    assert_int_equal(caller->error, ERR_CONNECTION_LOST);
    assert_string_equal(caller->cause, "closed by the server");
    world_close(&world);
}

static void closes_from_within_its_callbacks(void **state) {
    (void)state;
    static const char *const STAGES[] = {"connected", "received"};
    for (size_t i = 0; i < ROWS(STAGES); i++) {
        world_open(&world, "127.0.0.1");
        world.close_client_when = STAGES[i];
        world.echoes = true;
        const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
        world_until(&world, caller->is_connected);
        if (i == 1) {
            assert_int_equal(net_client_write(caller->client, bytes_of_string("x")), OK);
        }
        world_until(&world, caller->is_closed && none_is_left());
        assert_int_equal(caller->error, OK);
        world_close(&world);
    }
    world_open(&world, "127.0.0.1");
    world.closes_on_established = true;
    const struct caller *caller = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, caller->is_closed && none_is_left());
    assert_int_equal(caller->error, ERR_CONNECTION_LOST);
    world_close(&world);
    world_open(&world, "127.0.0.1");
    world.echo_and_close = true;
    caller = world_call(&world, "127.0.0.1", NULL, 256);
    world_until(&world, caller->is_connected);
    assert_int_equal(net_client_write(caller->client, bytes_of_string("bye")), OK);
    world_until(&world, caller->is_closed);
    assert_int_equal(caller->received, 3);
    world_close(&world);
}

static void closes_at_any_moment(void **state) {
    (void)state;
    for (unsigned rounds = 0; rounds < 12; rounds++) {
        world_open(&world, "127.0.0.1");
        for (size_t i = 0; i < 20; i++) {
            (void)world_call(&world, i % 2 == 0 ? "127.0.0.1" : "localhost", NULL, 256);
        }
        for (unsigned i = 0; i < rounds; i++) {
            (void)uv_run(&world.loop, UV_RUN_NOWAIT);
        }
        world_close(&world); /* which checks that every handle and callback came to its end */
    }
}

/* --- servers that are none --- */

static void says_what_became_of_its_connection(void **state) {
    (void)state;
    static const struct {
        const char *sends;
        size_t size;
        bool resets;
        enum error error;
        const char *cause;
    } cases[] = {
        {"", 0, false, ERR_CONNECTION_LOST, "closed by the server"},
        {"", 0, true, ERR_CONNECTION_LOST, "connection reset"},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, false, ERR_CONNECTION_LOST,
         "not the TLS of a sotto server"},
        {"\x15\x03\x03\x00\x02\x02\x28", 7, false, ERR_CONNECTION_LOST,
         "not the TLS of a sotto server"},
        {"\x15\x03\x03\x00\x02\x02\x78", 7, false, ERR_NO_COMMON_VERSION, "no protocol in common"},
    };
    world_open(&world, "127.0.0.1");
    for (size_t i = 0; i < ROWS(cases); i++) {
        uint16_t port = 0;
        int listening = raw_listen(&port);
        const struct caller *caller = world_call_port(&world, "127.0.0.1", port, NULL, 256, 5000);
        int handle = raw_accept(&world, listening);
        world_wait(&world, 20); /* the ClientHello comes, and stays unread */
        raw_send(&world, handle, bytes_make(cases[i].sends, cases[i].size));
        if (cases[i].resets) {
            raw_reset(handle);
        } else if (cases[i].size == 0) {
            assert_int_equal(shutdown(handle, SHUT_WR), 0);
        }
        world_until(&world, caller->is_closed);
        assert_int_equal(caller->error, cases[i].error);
        assert_string_equal(caller->cause, cases[i].cause);
        if (!cases[i].resets) {
            assert_int_equal(close(handle), 0);
        }
        assert_int_equal(close(listening), 0);
    }
    world_close(&world);
}

static void waits_no_longer_than_it_is_told(void **state) {
    (void)state;
    uint16_t port = 0;
    world_open(&world, "127.0.0.1");
    int listening = raw_listen(&port);
    uint64_t start = uv_hrtime();
    const struct caller *caller = world_call_port(&world, "127.0.0.1", port, NULL, 256, 200);
    world_until(&world, caller->is_closed);
    assert_int_equal(caller->error, ERR_CONNECTION_LOST);
    assert_string_equal(caller->cause, "timed out");
    assert_in_range((uv_hrtime() - start) / 1000000, 150, 1500);
    assert_int_equal(close(listening), 0);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_one_version_group_and_protocol),
        cmocka_unit_test(gives_no_ticket_and_resumes_nothing),
        cmocka_unit_test(bounds_a_flood_of_key_updates),
        cmocka_unit_test(hangs_up_on_what_is_not_a_client_hello),
        cmocka_unit_test(takes_no_large_record_before_the_handshake_is_done),
        cmocka_unit_test(takes_a_client_hello_byte_by_byte),
        cmocka_unit_test(waits_in_silence_until_it_is_told_to_close),
        cmocka_unit_test(survives_resets_after_every_number_of_bytes),
        cmocka_unit_test(survives_a_reset_in_the_middle_of_traffic),
        cmocka_unit_test(gives_up_flushing_to_a_peer_that_does_not_read),
        cmocka_unit_test(delivers_its_last_words),
        cmocka_unit_test(tells_a_client_that_the_server_closed),
        cmocka_unit_test(closes_from_within_its_callbacks),
        cmocka_unit_test(closes_at_any_moment),
        cmocka_unit_test(says_what_became_of_its_connection),
        cmocka_unit_test(waits_no_longer_than_it_is_told),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* as both programs do */
    return cmocka_run_group_tests_name("net peers", tests, NULL, NULL);
}
