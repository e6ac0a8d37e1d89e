/* SPDX-License-Identifier: ISC */
#include "sotto/shut_in.h"

#include "platform/sandbox.h"
#include "sotto/tell.h"

#include <stdlib.h>
#include <string.h>

/* resolv.conf is a link to where some service keeps it. */
static char *resolver_folder(void) {
    char *path = realpath("/etc/resolv.conf", NULL);
    char *slash = path == NULL ? NULL : strrchr(path, '/');
    if (slash != NULL) {
        slash[slash == path ? 1 : 0] = '\0';
    }
    return path;
}

void shut_in(struct app *app, const char *folder) {
    char *resolver = resolver_folder();
    const char *readable[6] = {"/etc", "/usr", "/lib", "/lib64"}; /* modules of the resolver */
    size_t count = 4;
    if (resolver != NULL) {
        readable[count++] = resolver;
    }
    if (app->own_cards[0] != '\0') {
        readable[count++] = app->own_cards;
    }
    unsigned lacks = sandbox_enter(folder, readable, count);
    free(resolver);
    if (app->verbose > 0 && lacks != 0) {
        tell(app, (lacks & SANDBOX_IS_SANITIZED) != 0
                      ? "A build for tests: neither calls nor paths are given up."
                      : "This system has not all of seccomp and Landlock: less is given up.");
    }
}
