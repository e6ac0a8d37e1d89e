/* SPDX-License-Identifier: ISC */
#include "suite.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counts {
    unsigned cases;
    unsigned verdicts[NOT_APPLICABLE + 1];
};

static _Noreturn void give_up(const char *what, const char *name) {
    printf("%s: %s\n", what, name);
    fflush(stdout);
    _Exit(EXIT_FAILURE);
}

bool field_exists(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return value != NULL && !json_is_null(value);
}

const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL) {
        give_up("no such text field", name);
    }
    return text;
}

size_t number_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        give_up("no such number field", name);
    }
    return (size_t)json_integer_value(value);
}

void field_read(const json_t *object, const char *name, struct field *field) {
    struct bytes text = bytes_of_string(text_of(object, name));
    field->size = text.size / 2;
    if (field->size > sizeof(field->data)) {
        give_up("field too long", name);
    }
    if (hex_decode(text, field->data, field->size) != OK) {
        give_up("not hex", name);
    }
}

struct bytes field_view(const struct field *field) {
    return bytes_make(field->data, field->size);
}

bool is_valid(const struct vector_case *c) {
    return strcmp(text_of(c->test, "result"), "valid") == 0;
}

bool has_flag(const struct vector_case *c, const char *flag) {
    const json_t *flags = json_object_get(c->test, "flags");
    for (size_t i = 0; i < json_array_size(flags); i++) {
        const char *text = json_string_value(json_array_get(flags, i));
        if (text != NULL && strcmp(text, flag) == 0) {
            return true;
        }
    }
    return false;
}

enum verdict refused_by_length(const struct vector_case *c) {
    return is_valid(c) ? DIFFERS : BY_LENGTH;
}

enum verdict verdict_of(bool agrees) {
    return agrees ? AGREES : DIFFERS;
}

static json_t *load(const char *directory, const char *file) {
    char path[4096];
    json_error_t error;
    int size = snprintf(path, sizeof(path), "%s/%s", directory, file);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        give_up("path too long", file);
    }
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL) {
        give_up(error.text, path);
    }
    return root;
}

/* The element of `array` whose integer `key` is that of `like`; NULL when there is none. */
static const json_t *same(const json_t *array, const json_t *like, const char *key) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *one = json_array_get(array, i);
        if (number_of(one, key) == number_of(like, key)) {
            return one;
        }
    }
    return NULL;
}

static void run_one(const struct suite *suite, const struct vector_case *c, struct counts *counts) {
    enum verdict verdict = c->expected == NULL ? DIFFERS : suite->run_case(c);
    if (verdict == DIFFERS) {
        const char *comment = json_string_value(json_object_get(c->test, "comment"));
        printf("%s: case %zu differs: %s\n", suite->file, number_of(c->test, "tcId"),
               comment == NULL ? "" : comment);
    }
    counts->cases++;
    counts->verdicts[verdict]++;
}

static void run_group(const struct suite *suite, const json_t *group, const json_t *results,
                      struct counts *counts) {
    const json_t *tests = json_object_get(group, "tests");
    const json_t *like =
        results == NULL ? NULL : same(json_object_get(results, "testGroups"), group, "tgId");
    for (size_t i = 0; i < json_array_size(tests); i++) {
        struct vector_case c = {.group = group, .test = json_array_get(tests, i)};
        c.expected =
            results == NULL ? c.test : same(json_object_get(like, "tests"), c.test, "tcId");
        run_one(suite, &c, counts);
    }
}

static bool report(const struct suite *suite, const struct counts *counts) {
    unsigned by_length = counts->verdicts[BY_LENGTH];
    unsigned apart = counts->verdicts[NOT_APPLICABLE];
    unsigned run = counts->cases - apart;
    bool whole = counts->cases >= suite->cases && run >= suite->run;
    printf("%-62s %3u cases, %3u run, %3u passed", suite->file, counts->cases, run,
           run - counts->verdicts[DIFFERS]);
    if (by_length > 0) {
        printf(" (%u of them refused by length)", by_length);
    }
    if (apart > 0) {
        printf(", %u not applicable: %s", apart,
               suite->not_applicable == NULL ? "for no reason known" : suite->not_applicable);
    }
    printf("\n");
    if (!whole) {
        printf("%s: at least %u cases and %u run were expected\n", suite->file, suite->cases,
               suite->run);
    }
    return whole && counts->verdicts[DIFFERS] == 0 && (apart == 0 || suite->not_applicable != NULL);
}

bool suite_run(const struct suite *suite, const char *directory) {
    struct counts counts = {0};
    json_t *root = load(directory, suite->file);
    json_t *results = suite->results == NULL ? NULL : load(directory, suite->results);
    const json_t *groups = json_object_get(root, "testGroups");
    for (size_t i = 0; i < json_array_size(groups); i++) {
        run_group(suite, json_array_get(groups, i), results, &counts);
    }
    json_decref(results);
    json_decref(root);
    return report(suite, &counts);
}
