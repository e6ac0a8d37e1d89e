/* SPDX-License-Identifier: ISC */
#include "sotto/output.h"

#include <errno.h>
#include <unistd.h>

must_check bool output_write(struct output *output, struct bytes bytes) {
    while (output->error_number == 0 && bytes.size > 0) {
        ssize_t written = write(output->handle, bytes.data, bytes.size);
        if (written > 0) {
            bytes = bytes_make(bytes.data + written, bytes.size - (size_t)written);
        } else if (errno != EINTR) {
            output->error_number = errno;
        }
    }
    return output->error_number == 0;
}

bool output_is_abandoned(const struct output *output) {
    return output->error_number == EPIPE;
}
