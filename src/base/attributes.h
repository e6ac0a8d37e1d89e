/* SPDX-License-Identifier: ISC */
/* The few compiler extensions that sotto uses, each behind a name that says why. */
#ifndef SOTTO_BASE_ATTRIBUTES_H
#define SOTTO_BASE_ATTRIBUTES_H

#if defined(__GNUC__) || defined(__clang__)
/** The caller has to look at the result: an error that is dropped does not compile. */
#define must_check __attribute__((warn_unused_result))
/** The function never returns. */
#define no_return __attribute__((noreturn))
/** Arguments `fmt` (1-based) and following are those of printf. */
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define must_check
#define no_return
#define printf_like(fmt, args)
#endif

#endif
