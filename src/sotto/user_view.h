/* SPDX-License-Identifier: ISC */
/* How a person of the server's directory looks: to people, to scripts, as JSON. */
#ifndef SOTTO_SOTTO_USER_VIEW_H
#define SOTTO_SOTTO_USER_VIEW_H

#include "base/bytes.h"

#include <sotto/sotto.h>

enum { USER_VIEW_MAX_BYTES = 16 * 1024 };

struct user_view {
    bool keys;
    bool pem;           /**< with keys: the RSA-2048 key as PEM after each person */
    bool is_plain;      /**< sentences instead of columns */
    bool is_for_people; /**< else columns separated by tabs */
};

must_check enum error user_view_header(const struct user_view *view, struct buffer *out);
must_check enum error user_view_text(const struct sotto_user *user, const struct user_view *view,
                                     struct buffer *out);

/** name, trust, since; with keys: fingerprint, algorithm, SHA-256, expiry. */
must_check enum error user_view_tabs(const struct sotto_user *user, const struct user_view *view,
                                     struct buffer *out);
must_check enum error user_view_json(const struct sotto_user *user, const struct user_view *view,
                                     struct buffer *out);

#endif
