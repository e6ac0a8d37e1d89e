/* SPDX-License-Identifier: ISC */
#include "forge.h"

#include "base/weaken.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct maker {
    const char *name;
    json_t *(*make)(const json_t *request);
} MAKERS[] = {
    {"account", make_account},
    {"device", make_device},
    {"certificate", make_certificate},
    {"prekey_set", make_prekey_set},
    {"one_time", make_one_time},
    {"login", make_login},
    {"initial", make_initial},
    {"accept", make_accept},
    {"seal", make_seal},
    {"open", make_open},
};

static json_t *answer_to(const json_t *request) {
    const char *wanted = request_string(request, "make");
    for (size_t i = 0; i < sizeof(MAKERS) / sizeof(MAKERS[0]); i++) {
        if (strcmp(MAKERS[i].name, wanted) == 0) {
            return MAKERS[i].make(request);
        }
    }
    forge_fail("unknown \"make\"", wanted);
}

int main(void) {
    char *line = NULL;
    weaken_by(getenv);
    size_t room = 0;
    ssize_t size = 0;
    while ((size = getline(&line, &room, stdin)) > 0) {
        json_error_t problem;
        json_t *request = json_loadb(line, (size_t)size, 0, &problem);
        if (request == NULL) {
            forge_fail("not JSON", problem.text);
        }
        json_t *answer = answer_to(request);
        if (json_dumpf(answer, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF ||
            fflush(stdout) != 0) {
            forge_fail("cannot write", "stdout");
        }
        json_decref(answer);
        json_decref(request);
    }
    free(line);
    return 0;
}
