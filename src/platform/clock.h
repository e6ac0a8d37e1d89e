/* SPDX-License-Identifier: ISC */
#ifndef SOTTO_PLATFORM_CLOCK_H
#define SOTTO_PLATFORM_CLOCK_H

#include "base/env.h"

/** The machine's clocks. */
struct clock clock_system(void);

#endif
