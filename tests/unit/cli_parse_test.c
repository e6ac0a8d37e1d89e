/* SPDX-License-Identifier: ISC */
#include "testing.h"

#include "sotto/parse.h"

#include <string.h>

enum { WORDS_MAX = 8 };

/* A command line, and what it has to mean. */
struct line {
    const char *argv[WORDS_MAX];
    enum command_id command;
    int word_count;
    const char *first; /* of the words, or NULL */
};

static int parse(const char *const *words, struct request *request, struct sotto_error *error) {
    char *argv[WORDS_MAX + 1] = {(char *)"sotto"};
    int argc = 1;
    while (argc <= WORDS_MAX && words[argc - 1] != NULL) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    return request_parse(argc, argv, request, error);
}

static void options_stand_anywhere_before_the_dashes(void **state) {
    static const struct line lines[] = {
        {{"send", "bob", "hi"}, COMMAND_SEND, 2, "bob"},
        {{"--json", "send", "bob", "hi"}, COMMAND_SEND, 2, "bob"},
        {{"send", "bob", "--json", "hi"}, COMMAND_SEND, 2, "bob"},
        {{"--id", "k", "send", "bob", "hi", "-q"}, COMMAND_SEND, 2, "bob"},
        {{"send", "bob", "--", "--json", "-5"}, COMMAND_SEND, 3, "bob"},
        {{"send", "bob", "--", "--"}, COMMAND_SEND, 2, "bob"},
        {{"send", "bob", "-"}, COMMAND_SEND, 2, "bob"},
        {{"send", "bob", ""}, COMMAND_SEND, 2, "bob"},
        {{"send", "bob", "a", "b", "c"}, COMMAND_SEND, 4, "bob"},
        {{"recv"}, COMMAND_RECV, 0, NULL},
        {{"join"}, COMMAND_JOIN, 0, NULL},
        {{"join", "-"}, COMMAND_JOIN, 1, "-"},
        {{"--profile", "work", "status"}, COMMAND_STATUS, 0, NULL},
        {{"verify", "bob", "--card", "-"}, COMMAND_VERIFY, 1, "bob"},
        {{"-q"}, COMMAND_NONE, 0, NULL},
        {{NULL}, COMMAND_NONE, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(lines); i++) {
        struct request request;
        struct sotto_error error;
        assert_int_equal(parse(lines[i].argv, &request, &error), 0);
        assert_int_equal(request.command, lines[i].command);
        assert_int_equal(request.word_count, lines[i].word_count);
        if (lines[i].first != NULL) {
            assert_string_equal(request.words[0], lines[i].first);
        }
        request_clear(&request);
    }
}

static void values_are_taken_in_every_form(void **state) {
    static const struct {
        const char *argv[WORDS_MAX];
        enum option_id option;
        const char *value;
    } rows[] = {
        {{"send", "bob", "--id", "k"}, OPTION_ID, "k"},
        {{"send", "bob", "--id=k"}, OPTION_ID, "k"},
        {{"send", "bob", "--id="}, OPTION_ID, ""},
        {{"send", "bob", "--id=--json"}, OPTION_ID, "--json"},
        {{"send", "bob", "--id=a=b"}, OPTION_ID, "a=b"},
        {{"send", "bob", "--id", "a", "--id", "b"}, OPTION_ID, "b"},
        {{"recv", "-n", "5"}, OPTION_COUNT, "5"},
        {{"recv", "-n", "-5"}, OPTION_COUNT, "-5"},
        {{"join", "L", "--name", "-bob"}, OPTION_NAME, "-bob"},
        {{"recv", "-n5"}, OPTION_COUNT, "5"},
        {{"recv", "-n=5"}, OPTION_COUNT, "5"},
        {{"recv", "-qn", "5"}, OPTION_COUNT, "5"},
        {{"recv", "--wait=30s"}, OPTION_WAIT, "30s"},
        {{"recv", "--wait"}, OPTION_WAIT, NULL},
        {{"--wait", "recv"}, OPTION_WAIT, NULL},
        {{"send", "bob", "--wait", "delivered"}, OPTION_WAIT_STATE, "delivered"},
        {{"send", "bob", "--wait=queued"}, OPTION_WAIT_STATE, "queued"},
        {{"--wait=queued", "send", "bob"}, OPTION_WAIT_STATE, "queued"},
        {{"--wait=queued", "send", "--wait", "accepted", "bob"}, OPTION_WAIT_STATE, "accepted"},
        {{"join", "L", "--passphrase-file", "-"}, OPTION_PASSPHRASE_FILE, "-"},
        {{"send", "bob", "-vv"}, OPTION_VERBOSE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct request request;
        struct sotto_error error;
        assert_int_equal(parse(rows[i].argv, &request, &error), 0);
        assert_true(request.given[rows[i].option] > 0);
        if (rows[i].value == NULL) {
            assert_null(request.value[rows[i].option]);
        } else {
            assert_string_equal(request.value[rows[i].option], rows[i].value);
        }
        request_clear(&request);
    }
}

static void mistakes_are_named_and_never_run(void **state) {
    static const struct {
        const char *argv[WORDS_MAX];
        const char *message; /* a part of it */
        const char *help;    /* a part of it */
    } rows[] = {
        {{"sned", "bob"}, "There is no command 'sned'. Did you mean 'send'?", "sotto help"},
        {{"xyzzy"}, "There is no command 'xyzzy'.", "sotto help"},
        {{"--wait", "send", "bob"}, "before the command it is '--wait=STATE'", ""},
        {{"send", "bob", "--wait"}, "'--wait' needs STATE after it", ""},
        {{"sen", "bob"}, "There is no command 'sen'. Did you mean 'send'?", ""},
        {{"group", "create"}, "'group' is reserved for later", "not have it yet"},
        {{"device"}, "'device' is reserved for later", ""},
        {{"help", "sned"}, "There is no command 'sned'. Did you mean 'send'?", ""},
        {{"help", "group"}, "'group' is reserved for later", ""},
        {{"send", "bob", "--jsn"}, "there is no option '--jsn'. Did you mean '--json'?", "-- TEXT"},
        {{"recv", "--wiat=3s"}, "there is no option '--wiat'. Did you mean '--wait'?", ""},
        {{"recv", "--js"}, "there is no option '--js'", "sotto help recv"},
        {{"recv", "--exec", "sh", "-c", "x"}, "there is no option '-c'", "--exec PROGRAM -- ARG"},
        {{"send", "bob", "-json"}, "there is no option '-json'. Did you mean '--json'?", ""},
        {{"send", "bob", "-5"}, "there is no option '-5'", "sotto send WHO -- TEXT"},
        {{"send", "bob", "-f", "x"}, "there is no option '-f'", ""},
        {{"recv", "--id", "k"}, "'recv' has no option '--id'", "sotto recv"},
        {{"send", "bob", "-n", "3"}, "'send' has no option '-n'", ""},
        {{"send", "bob", "--queue=yes"}, "'--queue' takes no value", ""},
        {{"send", "bob", "--id"}, "'--id' needs KEY after it", ""},
        {{"send", "bob", "--id", "--json"}, "'--id' needs KEY after it", "--id=--json"},
        {{"recv", "-n"}, "'-n' needs COUNT after it", ""},
        {{"send"}, "'send' needs WHO", "sotto send WHO[,WHO...] [TEXT...]"},
        {{"verify"}, "'verify' needs WHO", ""},
        {{"register", "--server", "h"}, "'register' needs NAME", ""},
        {{"card", "bob"}, "'card' takes no argument ('bob')", ""},
        {{"users", "a", "b"}, "'b' is one argument too many for 'users'", ""},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct request request;
        struct sotto_error error = {.exit = 0};
        assert_int_equal(parse(rows[i].argv, &request, &error), 2);
        assert_string_equal(error.code, "usage");
        assert_int_equal(error.exit, 2);
        assert_non_null(strstr(error.message, rows[i].message));
        assert_non_null(strstr(error.help, rows[i].help));
        request_clear(&request);
    }
}

static void help_anywhere_makes_the_rest_not_matter(void **state) {
    static const struct {
        const char *argv[WORDS_MAX];
        const char *help_for;
    } rows[] = {
        {{"help"}, NULL},
        {{"--help"}, NULL},
        {{"-h"}, NULL},
        {{"-qh"}, NULL},
        {{"help", "send"}, "send"},
        {{"send", "--help"}, "send"},
        {{"--help", "send"}, "send"},
        {{"send", "--nonsense", "-h"}, "send"},
        {{"send", "-h", "--id"}, "send"},
        {{"sned", "-h"}, NULL},
        {{"group", "-h"}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct request request;
        struct sotto_error error;
        assert_int_equal(parse(rows[i].argv, &request, &error), 0);
        assert_true(request.wants_help);
        if (rows[i].help_for == NULL) {
            assert_null(request.help_for);
        } else {
            assert_string_equal(request.help_for, rows[i].help_for);
        }
        request_clear(&request);
    }
}

static void help_after_the_dashes_is_text(void **state) {
    static const char *const words[WORDS_MAX] = {"send", "bob", "--", "-h"};
    struct request request;
    struct sotto_error error;
    (void)state;
    assert_int_equal(parse(words, &request, &error), 0);
    assert_false(request.wants_help);
    assert_string_equal(request.words[1], "-h");
    request_clear(&request);
}

static void json_is_known_although_the_line_is_wrong(void **state) {
    static const char *const words[WORDS_MAX] = {"sned", "--json"};
    struct request request;
    struct sotto_error error;
    (void)state;
    assert_int_equal(parse(words, &request, &error), 2);
    assert_int_equal(request.given[OPTION_JSON], 1);
    request_clear(&request);
}

static void version_is_a_word_and_an_option(void **state) {
    static const char *const lines[][WORDS_MAX] = {
        {"version"}, {"--version"}, {"-V"}, {"send", "-V"}};
    (void)state;
    for (size_t i = 0; i < ROWS(lines); i++) {
        struct request request;
        struct sotto_error error;
        assert_int_equal(parse(lines[i], &request, &error), 0);
        assert_true(request.wants_version);
        request_clear(&request);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_before_the_dashes),
        cmocka_unit_test(values_are_taken_in_every_form),
        cmocka_unit_test(mistakes_are_named_and_never_run),
        cmocka_unit_test(help_anywhere_makes_the_rest_not_matter),
        cmocka_unit_test(help_after_the_dashes_is_text),
        cmocka_unit_test(json_is_known_although_the_line_is_wrong),
        cmocka_unit_test(version_is_a_word_and_an_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
