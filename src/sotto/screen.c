/* SPDX-License-Identifier: ISC */
#include "sotto/screen.h"

#include "base/duration.h"

#include <stdlib.h>
#include <sys/ioctl.h>

size_t screen_columns(int handle) {
    const char *said = getenv("COLUMNS"); // NOLINT(concurrency-mt-unsafe): there is one thread
    uint64_t number = 0;
    struct winsize size;
    if (said != NULL && number_parse(said, 1, 10000, &number)) {
        return (size_t)number;
    }
    if (ioctl(handle, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return SCREEN_COLUMNS_DEFAULT;
}
