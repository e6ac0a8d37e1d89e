/* SPDX-License-Identifier: ISC */
/* Administration while the server runs: a local socket in the data folder, for its owner and root.
 *
 * One line asks, one line answers, then the socket closes:
 *   invite LIFE_MS 0|1 HOST:PORT|-     the link, or a code of the catalogue
 *   revoke ID                          ok, or a code
 *   remove NAME                        ok, or a code
 *   disable NAME, enable NAME          ok, or a code
 *   rotate AT_MS                       ok when a next key stands on the disk, or a code
 *   stats                              figures (stats.h)
 * An answer begins with "ok " or "error ". */
#ifndef SOTTO_SOTTOD_ADMIN_H
#define SOTTO_SOTTOD_ADMIN_H

#include "server/core.h"
#include "sottod/rotation.h"
#include "sottod/settings.h"

#include <uv.h>

enum { ADMIN_LINE_MAX_BYTES = 2048, ADMIN_CLIENTS_MAX = 16, ADMIN_TIMEOUT_MS = 5000 };

struct admin;

/** What the answers need. Borrowed while the socket is open. */
struct admin_host {
    struct server *server;
    const struct clock *clock;
    const struct random_source *random;
    const char *address; /**< HOST:PORT, as links name it */
    const uint8_t *spki_hash;
    struct rotation *rotation;
    const struct settings *settings;
    const struct latency *commits;
    uint64_t started_ms; /**< monotonic */
};

/** Listens at `path` (an old socket there is removed first). ERR_CANNOT_LISTEN, ERR_MEMORY. */
must_check enum error admin_open(uv_loop_t *loop, const char *path, const struct admin_host *host,
                                 struct admin **admin);

/** Closes the socket and whoever still waits; the memory goes when the loop has closed the handles.
 */
void admin_close(struct admin *admin);

/* The other side. */

/** Asks the server at `path`. On OK `answer` has the text after "ok ". ERR_NOT_FOUND: no server
 * runs; ERR_NOT_ALLOWED; an error of the catalogue that the server answered; ERR_CLOSED, ERR_IO. */
must_check enum error admin_ask(const char *path, const char *line, char *answer, size_t size);

#endif
