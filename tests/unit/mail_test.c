/* SPDX-License-Identifier: ISC */
/* Mail as programs write it: heads, addresses, encodings, parts; and what is none of it. */
#include "testing.h"

#include "sotto-sendmail/address.h"
#include "sotto-sendmail/mail.h"
#include "sotto-sendmail/options.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What becomes of a mail; freed by the caller. */
static char *text_of(const char *raw, enum error wanted) {
    struct mail mail;
    enum error error = OK;
    mail_init(&mail);
    assert_true(mail_feed(&mail, bytes_of_string(raw), true, &error));
    assert_int_equal(error, OK);
    assert_int_equal(mail_parse(&mail), wanted);
    char *text = calloc(1, mail.text.size + 1);
    assert_non_null(text);
    if (mail.text.size > 0) {
        memcpy(text, mail.text.data, mail.text.size);
    }
    mail_clear(&mail);
    return text;
}

static void subject_and_body_become_one_text(void **state) {
    static const struct {
        const char *raw, *text;
    } rows[] = {
        {"Subject: disk\n\nfull\n", "disk\n\nfull"},
        {"Subject: disk\r\n\r\nfull\r\nreally\r\n", "disk\n\nfull\nreally"},
        {"Subject: disk\n\n\n", "disk"},
        {"To: root\n\nfull\n", "full"},
        {"no head\nat all: none\n", "no head\nat all: none"},
        {"\nSubject: this is the body\n", "Subject: this is the body"},
        {"subject: a\n folded\n\tone\nTo: x\n\nb", "a folded one\n\nb"},
        {"Subject: first\nSubject: last\n\nb", "last\n\nb"},
        {"Subject: only", "only"},
        {"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?iso-8859-1?b?TfxuY2hlbg==?= !\n\nb",
         "Grüße ausMünchen !\n\nb"},
        {"Subject: =?utf-8?Q?a?=\n =?utf-8*en?q?b?=\n\nc", "ab\n\nc"},
        {"Subject: =?utf-8?X?no?= =?utf-8?Q?cut\n\nc", "=?utf-8?X?no?= =?utf-8?Q?cut\n\nc"},
        {"Subject: =?nonsense-7?Q?=41?=\n\nc", "A\n\nc"},
        {"Subject: gr\xc3\xbc\xc3\x9f\xff\n\nb\xfe", "grüß\xef\xbf\xbd\n\nb\xef\xbf\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *text = text_of(rows[i].raw, OK);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
    free(text_of("", ERR_EMPTY_MESSAGE));
    free(text_of("To: root\n\n \n\n", ERR_EMPTY_MESSAGE));
}

static void bodies_are_decoded(void **state) {
    static const struct {
        const char *raw, *text;
    } rows[] = {
        {"Content-Transfer-Encoding: quoted-printable\n\nd=C3=A9j=\n=C3=A0 =3D 100=25 =zz =\n",
         "déjà = 100% =zz"},
        {"Content-Transfer-Encoding: Base64\nContent-Type: text/plain; charset=utf-8\n\n"
         "ZMOpas\nOg\n",
         "déjà"},
        {"Content-Type: text/plain; charset=\"ISO-8859-1\"\n\nd\xe9j\xe0", "déjà"},
        {"Content-Type: text/plain; charset=ANSI_X3.4-1968\n\nplain", "plain"},
        {"Content-Type: multipart/alternative; boundary=\"=_x\"\n\npreamble\n--=_x\n"
         "Content-Type: text/html\n\n<b>no</b>\n--=_x\nContent-Type: text/plain\n"
         "Content-Transfer-Encoding: quoted-printable\n\ny=65s\n--=_x--\nepilogue",
         "yes"},
        {"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative;\n"
         " boundary=b\n\n--b\n\ninner\n--b--\n--a--\n",
         "inner"},
        {"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: "
         "application/pdf\n\n%PDF\n",
         "[no text: multipart with no text]"},
        {"Subject: s\nContent-Type: image/png\n\n\x89PNG", "s\n\n[no text: image/png]"},
        {"Content-Type: text/html\n\n<p>x</p>", "<p>x</p>"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char *text = text_of(rows[i].raw, OK);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void addresses_lose_what_is_around_them(void **state) {
    static const struct {
        const char *list, *found; /* with spaces between */
    } rows[] = {
        {"root", "root"},
        {"Root, ana@Example.ORG", "root ana@example.org"},
        {"\"Doe, J. <x>\" <j@d>, (a, comment) bob (\\) still)", "j@d bob"},
        {"ops: ana, bob;, carol", "ana bob carol"},
        {"undisclosed-recipients:;", ""},
        {" ,, ; ", ""},
        {"root (Cron Daemon)", "root"},
        {"<>", ""},
        {"a\n b", "ab"},
        {"\"never closed, a@b", ""},
    };
    char address[ADDRESS_MAX_BYTES + 1];
    char huge[2 * ADDRESS_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct bytes list = bytes_of_string(rows[i].list);
        char found[256] = "";
        while (address_next(&list, address)) {
            size_t size = strlen(found);
            snprintf(found + size, sizeof(found) - size, "%s%s", size == 0 ? "" : " ", address);
        }
        assert_string_equal(found, rows[i].found);
    }
    memset(huge, 'a', sizeof(huge));
    struct bytes list = bytes_make(huge, sizeof(huge));
    assert_true(address_next(&list, address));
    assert_int_equal(strlen(address), ADDRESS_MAX_BYTES);
}

static void a_dot_ends_a_mail_wherever_it_is_cut(void **state) {
    static const char RAW[] = "Subject: s\n\na\n..b\n.c\n.\nnot any more\n";
    (void)state;
    for (size_t cut = 1; cut < sizeof(RAW) - 1; cut++) {
        struct mail mail;
        enum error error = OK;
        mail_init(&mail);
        bool goes_on = mail_feed(&mail, bytes_make(RAW, cut), false, &error);
        if (goes_on) {
            goes_on = mail_feed(&mail, bytes_of_string(RAW + cut), false, &error);
        }
        assert_false(goes_on);
        assert_int_equal(error, OK);
        assert_int_equal(mail_parse(&mail), OK);
        assert_int_equal(mail.text.size, strlen("s\n\na\n..b\n.c"));
        mail_clear(&mail);
    }
}

static void a_text_that_is_too_long_is_cut_and_says_so(void **state) {
    struct mail mail;
    enum error error = OK;
    static char piece[64 * 1024];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof(piece); i += 2) {
        memcpy(piece + i, "\xc3\xa9", 2);
    }
    mail_init(&mail);
    assert_true(mail_feed(&mail, bytes_of_string("Subject: long\n\n"), true, &error));
    for (int i = 0; i < 40; i++) {
        assert_true(mail_feed(&mail, bytes_make(piece, sizeof(piece)), true, &error));
    }
    assert_int_equal(mail.raw.size, MAIL_KEPT_BYTES);
    assert_int_equal(mail_parse(&mail), OK);
    assert_in_range(mail.text.size, TEXT_MAX_BYTES - 100, TEXT_MAX_BYTES);
    assert_true(text_is_utf8(buffer_view(&mail.text)));
    static const char NOTE[] = "\n[cut here: the mail had 2621455 bytes]";
    size_t size = sizeof(NOTE) - 1;
    assert_memory_equal(mail.text.data + mail.text.size - size, NOTE, size);
    mail_clear(&mail);
}

/* Every mail that is cut off, or has one byte changed, still becomes text, or is empty. */
static void broken_mail_becomes_text(void **state) {
    static const char RAW[] =
        "To: =?utf-8?B?w6k=?= <a@b>\nSubject: =?iso-8859-15?Q?=A4?=\n x\nContent-Type: "
        "multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/plain; charset=latin1\n"
        "Content-Transfer-Encoding: base64\n\n6ehg\n--b\n\n=C3\n--b--\n";
    (void)state;
    for (size_t size = 0; size < sizeof(RAW); size++) {
        for (unsigned change = 0; change < 4; change++) {
            static const char BYTES[] = {'\0', '=', '\xff', '\n'};
            struct mail mail;
            enum error error = OK;
            char raw[sizeof(RAW)];
            memcpy(raw, RAW, sizeof(RAW));
            raw[size] = change == 0 ? raw[size] : BYTES[change];
            mail_init(&mail);
            (void)mail_feed(&mail, bytes_make(raw, change == 0 ? size : sizeof(RAW) - 1), true,
                            &error);
            enum error parsed = mail_parse(&mail);
            assert_true(parsed == OK || parsed == ERR_EMPTY_MESSAGE);
            assert_true(text_is_utf8(buffer_view(&mail.text)));
            mail_clear(&mail);
        }
    }
}

static void options_are_those_of_sendmail(void **state) {
    static const struct {
        const char *words[8];
        enum error error;
        bool from_headers, dot_is_text;
        int count;
    } rows[] = {
        {{"-t"}, OK, true, false, 0},
        {{"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"}, OK, false, true, 1},
        {{"-FCronDaemon", "-odi", "-oem", "-oi", "-t", "-f", "root"}, OK, true, true, 0},
        {{"-oi", "-F", "A Name", "--", "-t", "x"}, OK, false, true, 2},
        {{"-ti", "-N", "never", "-R", "hdrs", "a", "b"}, OK, true, true, 2},
        {{"-froot", "-o", "em", "-bm", "a"}, OK, false, false, 1},
        {{"a", "-t"}, OK, false, false, 2},
        {{"-"}, OK, false, false, 1},
        {{"-bs"}, ERR_USAGE, false, false, 0},
        {{"-q"}, ERR_USAGE, false, false, 0},
        {{"-f"}, ERR_USAGE, false, false, 0},
        {{"-tx"}, ERR_USAGE, false, false, 0},
        {{"--nonsense"}, ERR_USAGE, false, false, 0},
        {{"--profile"}, ERR_USAGE, false, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct mail_options options;
        char *argv[10] = {(char *)(uintptr_t)"sotto-sendmail"};
        int argc = 1;
        for (; argc < 9 && rows[i].words[argc - 1] != NULL; argc++) {
            argv[argc] = (char *)(uintptr_t)rows[i].words[argc - 1];
        }
        assert_int_equal(mail_options_read(argc, argv, &options), rows[i].error);
        if (rows[i].error == OK) {
            assert_int_equal(options.from_headers, rows[i].from_headers);
            assert_int_equal(options.dot_is_text, rows[i].dot_is_text);
            assert_int_equal(options.word_count, rows[i].count);
        } else {
            assert_ptr_equal(options.wrong, argv[1]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subject_and_body_become_one_text),
        cmocka_unit_test(bodies_are_decoded),
        cmocka_unit_test(addresses_lose_what_is_around_them),
        cmocka_unit_test(a_dot_ends_a_mail_wherever_it_is_cut),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_and_says_so),
        cmocka_unit_test(broken_mail_becomes_text),
        cmocka_unit_test(options_are_those_of_sendmail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
