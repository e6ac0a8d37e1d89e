/* SPDX-License-Identifier: ISC */
#include "net/cause.h"

#include <uv.h>

#include <stddef.h>

static const struct {
    int number;
    const char *words;
} CAUSES[] = {
    {UV_ECONNREFUSED, "connection refused"},
    {UV_ECONNRESET, "connection reset"},
    {UV_ECONNABORTED, "connection reset"},
    {UV_EPIPE, "connection reset"},
    {UV_EOF, "closed by the other end"},
    {UV_ETIMEDOUT, "timed out"},
    {UV_ENETUNREACH, "network unreachable"},
    {UV_ENETDOWN, "network unreachable"},
    {UV_EHOSTUNREACH, "no route to the host"},
    {UV_EAI_NONAME, "no such host"},
    {UV_EAI_NODATA, "no such host"},
    {UV_EAI_ADDRFAMILY, "no such host"},
    {UV_EAI_AGAIN, "the name cannot be resolved now"},
    {UV_EAI_FAIL, "the name cannot be resolved"},
    {UV_EADDRINUSE, "address already in use"},
    {UV_EADDRNOTAVAIL, "no such address on this machine"},
    {UV_EAFNOSUPPORT, "no such kind of address on this machine"},
    {UV_EACCES, "permission denied"},
    {UV_EPERM, "permission denied"},
    {UV_EMFILE, "too many open files"},
    {UV_ENFILE, "too many open files"},
    {UV_ENOMEM, "out of memory"},
    {UV_ENOBUFS, "out of memory"},
    {UV_EAI_MEMORY, "out of memory"},
    {UV_EINVAL, "not an address"},
};

const char *net_cause(int number) {
    for (size_t i = 0; i < sizeof(CAUSES) / sizeof(CAUSES[0]); i++) {
        if (CAUSES[i].number == number) {
            return CAUSES[i].words;
        }
    }
    return "network error";
}
