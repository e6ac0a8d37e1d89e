/* SPDX-License-Identifier: ISC */
/* A folder for the files of one test program: made before its tests, and removed with all that is
 * in it behind them. */
#ifndef SOTTO_TESTS_UNIT_TEMPORARY_H
#define SOTTO_TESTS_UNIT_TEMPORARY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMPORARY_FOLDERS_OPEN = 8 };

static char root[64];

static int make_root(void **state) {
    (void)state;
    (void)snprintf(root, sizeof(root), "%s/sotto-test-XXXXXX", P_tmpdir);
    return mkdtemp(root) == NULL;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int remove_root(void **state) {
    (void)state;
    return nftw(root, remove_one, TEMPORARY_FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
}

#endif
