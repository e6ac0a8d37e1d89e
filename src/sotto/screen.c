/* SPDX-License-Identifier: ISC */
#include "sotto/screen.h"

#include "base/duration.h"
#include "platform/terminal.h"

#include <stdlib.h>

size_t screen_columns(int handle) {
    const char *said = getenv("COLUMNS"); // NOLINT(concurrency-mt-unsafe): there is one thread
    uint64_t number = 0;
    if (said != NULL && number_parse(said, 1, 10000, &number)) {
        return (size_t)number;
    }
    size_t columns = terminal_columns(handle);
    return columns > 0 ? columns : SCREEN_COLUMNS_DEFAULT;
}
