/* SPDX-License-Identifier: ISC */
/* Promises of sotto.conf: strict, with file and line; the user's file before the system's; aliases
 * are lists of people and nothing else. */
#include "sotto/recipients.h"
#include "sotto/settings.h"

#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char folder[64];
    char user[96];
    char system[96];
};

static int make_place(void **state) {
    static struct place place;
    snprintf(place.folder, sizeof(place.folder), "/tmp/sotto-settings-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.user, sizeof(place.user), "%s/user.conf", place.folder);
    snprintf(place.system, sizeof(place.system), "%s/system.conf", place.folder);
    *state = &place;
    return 0;
}

static int clear_place(void **state) {
    const struct place *place = *state;
    unlink(place->user);
    unlink(place->system);
    return rmdir(place->folder);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    assert_true(file != NULL && fclose(file) == 0 && is_written);
    assert_int_equal(chmod(path, 0644), 0);
}

static struct settings *load(const struct place *place) {
    const struct settings_files files = {.user = place->user, .system = place->system};
    struct settings *settings = NULL;
    struct sotto_error error;
    assert_int_equal(settings_load(&files, &settings, &error), 0);
    return settings;
}

static void the_user_is_stronger_than_the_system(void **state) {
    const struct place *place = *state;
    write_file(place->system, "[client]\ntimeout = 5s\nprofile = shared # for all\n"
                              "[alias]\nops = ana\nnight = carol\n");
    write_file(place->user, "# mine\n[client]\n\n  timeout = 30s\n[alias]\nops = bob,\n"
                            "   carol, Dave   # and\n[screen]\nplain = yes\n"
                            "[mail]\nRoot@Host = ops, bob\n");
    struct settings *settings = load(place);
    assert_string_equal(settings_value(settings, SETTING_TIMEOUT), "30s");
    assert_int_equal(settings_find(settings, SETTING_TIMEOUT)->line, 4);
    assert_string_equal(settings_value(settings, SETTING_PROFILE), "shared");
    assert_true(settings_is_on(settings, SETTING_PLAIN));
    assert_null(settings_value(settings, SETTING_REQUIRE_VERIFIED));
    assert_string_equal(settings_alias(settings, "OPS")->value, "bob, carol, Dave");
    assert_string_equal(settings_mail(settings, "root@HOST"), "ops, bob");
    assert_null(settings_mail(settings, "default"));

    const struct setting_line *first = settings_next(settings, SECTION_ALIAS, NULL);
    assert_string_equal(first->name, "night");
    const struct setting_line *second = settings_next(settings, SECTION_ALIAS, first);
    assert_string_equal(second->file, place->user);
    assert_null(settings_next(settings, SECTION_ALIAS, second));

    struct recipients recipients;
    struct sotto_error error;
    assert_int_equal(recipients_read(settings, "carol,ops,eve,EVE", &recipients, &error), 0);
    static const char *const names[] = {"carol", "bob", "dave", "eve"};
    assert_int_equal(recipients.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(recipients.names[i], names[i]);
        assert_int_equal(recipients.is_of_alias[i], i == 1 || i == 2);
    }
    settings_free(settings);
}

static void what_is_wrong_is_named_with_its_line(void **state) {
    const struct place *place = *state;
    static const struct {
        const char *text;
        const char *place;
        const char *says;
        const char *help;
    } rows[] = {
        {"[client]\ntimout = 5s\n", ":2: ", "has no 'timout'", "Did you mean 'timeout'?"},
        {"[cleint]\n", ":1: ", "there is no section [cleint]", "Did you mean [client]?"},
        {"[screen]\ntimeout = 5s\n", ":2: ", "[screen] has no 'timeout'", ""},
        {"timeout = 5s\n", ":1: ", "stands before the first [section]", ""},
        {"[client]\ntimeout = 5s\n\ntimeout = 6s\n", ":4: ", "stands in line 2 already", ""},
        {"[client]\ntimeout = 5\n", ":2: ", "'5' is not a value for timeout", "15s, 5m"},
        {"[client]\nrequire-verified = maybe\n", ":2: ", "'maybe'", "yes or no"},
        {"[client]\npassphrase-file = pass\n", ":2: ", "'pass'", "begins with '/'"},
        {"[client]\nprofile = ../x\n", ":2: ", "'../x'", ""},
        {"[client]\nnonsense\n", ":2: ", "not NAME = VALUE", ""},
        {"[alias]\nops = ana,,bob\n", ":2: ", "'' is not a user name", ""},
        {"[alias]\nops =\n", ":2: ", "'' is not a user name", ""},
        {"[alias]\no ps = ana\n", ":2: ", "'o ps' cannot be an alias", ""},
        {"[alias]\nops = ana\nall = OPS, bob\n", ":3: ", "'ops' is an alias itself", ""},
        {"[alias]\nops = ana, all\nall = bob\n", ":2: ", "'all' is an alias itself", ""},
        {"[alias]\nops = abcdefghijklmnopqrstuvwxyz0123456\n", ":2: ", "is not a user name", ""},
        {"[alias]\nops = ops\n", ":2: ", "'ops' is an alias itself", ""},
        {"[mail]\nroot = b!b\n", ":2: ", "'b!b' is not a user name", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct settings_files files = {.only = place->user};
        struct settings *settings = NULL;
        struct sotto_error error;
        write_file(place->user, rows[i].text);
        assert_int_equal(settings_load(&files, &settings, &error), 2);
        assert_null(settings);
        assert_string_equal(error.code, "usage");
        assert_non_null(strstr(error.message, place->user));
        assert_non_null(strstr(error.message, rows[i].place));
        assert_non_null(strstr(error.message, rows[i].says));
        assert_non_null(strstr(error.help, rows[i].help));
    }
}

static void a_file_that_others_can_write_is_not_read(void **state) {
    const struct place *place = *state;
    const struct settings_files files = {.user = place->user};
    const struct settings_files only = {.only = place->system};
    struct settings *settings = NULL;
    struct sotto_error error;
    write_file(place->user, "[alias]\nops = ana\n");
    assert_int_equal(chmod(place->user, 0622), 0);
    assert_int_equal(settings_load(&files, &settings, &error), 9);
    assert_non_null(strstr(error.message, "0622"));
    assert_int_equal(chmod(place->user, 0644), 0);
    assert_int_equal(chmod(place->folder, 0777), 0);
    assert_int_equal(settings_load(&files, &settings, &error), 9);
    assert_non_null(strstr(error.help, "chmod go-w /tmp/sotto-settings"));
    assert_int_equal(chmod(place->folder, 0700), 0);
    unlink(place->system);
    assert_int_equal(settings_load(&only, &settings, &error), 2);
    assert_non_null(strstr(error.message, "no such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_user_is_stronger_than_the_system),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_file_that_others_can_write_is_not_read),
    };
    return cmocka_run_group_tests(tests, make_place, clear_place);
}
