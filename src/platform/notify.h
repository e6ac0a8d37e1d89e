/* SPDX-License-Identifier: ISC */
/* What a service manager is told, by the protocol of sd_notify(3): datagrams to $NOTIFY_SOCKET. */
#ifndef SOTTO_PLATFORM_NOTIFY_H
#define SOTTO_PLATFORM_NOTIFY_H

#include "base/error.h"

#include <stdint.h>

/** Sends NAME=VALUE lines. OK also where nobody wants to be told. ERR_IO. */
must_check enum error notify_manager(const char *state);

/** The longest time between two WATCHDOG=1 that the manager accepts; 0: it expects none. */
uint64_t notify_watchdog_ms(void);

#endif
