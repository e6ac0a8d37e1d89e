/* SPDX-License-Identifier: ISC */
#include "libsotto/owner.h"

#include "base/require.h"
#include "libsotto/porch.h"
#include "libsotto/sent.h"

#include <stdlib.h>
#include <string.h>

enum errand_kind { ERRAND_SEND, ERRAND_LOAN, ERRAND_WATCH, ERRAND_CURSOR };

/** What somebody has asked for, until it is answered or nobody waits for it any more. */
struct errand {
    struct errand *next;
    struct guest *guest; /**< NULL: nobody waits; the engine is not done with it */
    uint32_t number;
    enum errand_kind kind;
    struct owner_news news;     /**< ERRAND_WATCH: what is known there */
    struct owner_cursor cursor; /**< ERRAND_CURSOR */
    struct owner_send message;  /**< ERRAND_SEND; its text is in `text` */
    struct buffer text;
    bool is_given; /**< to the engine, which calls it `job` */
    size_t job;
    uint64_t give_up_ms; /**< waiting for a confirmation; 0: not yet */
};

struct owner {
    struct runner *runner;
    struct porch *porch;
    struct errand *first; /**< in the order in which they came */
    struct errand **end;
    struct guest *borrower;
    bool is_holding; /**< the profile is lent, or about to be */
};

/* ---- errands */

static void errand_free(struct errand *errand) {
    buffer_clear(&errand->text);
    free(errand);
}

/* Takes it off the list. */
static void errand_unlink(struct owner *owner, struct errand *errand) {
    struct errand **at = &owner->first;
    while (*at != errand) {
        at = &(*at)->next;
    }
    *at = errand->next;
    if (owner->end == &errand->next) {
        owner->end = at;
    }
}

static void errand_append(struct owner *owner, struct errand *errand) {
    *owner->end = errand;
    owner->end = &errand->next;
}

static const struct send_result *result_of(const struct owner *owner, const struct errand *errand) {
    return engine_result(owner->runner->engine, errand->job);
}

/* Nobody waits for it any more; what the engine has begun comes to its end. */
static void errand_drop(struct owner *owner, struct errand *errand) {
    errand->guest = NULL;
    if (errand->is_given && !result_of(owner, errand)->is_done) {
        return;
    }
    if (errand->is_given) {
        engine_forget(owner->runner->engine, errand->job);
    }
    errand_unlink(owner, errand);
    errand_free(errand);
}

static struct errand *first_of(const struct owner *owner, enum errand_kind kind) {
    struct errand *errand = owner->first;
    while (errand != NULL && errand->kind != kind) {
        errand = errand->next;
    }
    return errand;
}

/* ---- what is asked */

static bool take_send(struct errand *errand, struct bytes body) {
    if (owner_read_send(body, &errand->message) != OK ||
        buffer_append(&errand->text, errand->message.text) != OK) {
        return false;
    }
    errand->message.text = buffer_view(&errand->text);
    return true;
}

static bool take(struct errand *errand, const struct wire_frame *frame) {
    errand->number = frame->request;
    switch (frame->type) {
    case OWNER_SEND:
        errand->kind = ERRAND_SEND;
        return take_send(errand, frame->body);
    case OWNER_LEND:
        errand->kind = ERRAND_LOAN;
        return owner_read_empty(frame->body) == OK;
    case OWNER_WATCH:
        errand->kind = ERRAND_WATCH;
        return owner_read_news(frame->body, &errand->news) == OK;
    case OWNER_CURSOR:
        errand->kind = ERRAND_CURSOR;
        return owner_read_cursor(frame->body, &errand->cursor) == OK;
    default:
        return false;
    }
}

static bool on_asked(void *context, struct guest *guest, const struct wire_frame *frame) {
    struct owner *owner = context;
    if (guest == owner->borrower || guest_expects(guest) >= OWNER_REQUESTS_MAX) {
        return false;
    }
    struct errand *errand = calloc(1, sizeof(*errand));
    if (errand == NULL) {
        return false;
    }
    errand->guest = guest;
    buffer_init(&errand->text, TEXT_MAX_BYTES);
    if (!take(errand, frame)) {
        errand_free(errand);
        return false;
    }
    guest_expect(guest, 1);
    errand_append(owner, errand);
    return true;
}

static void on_left(void *context, struct guest *guest) {
    struct owner *owner = context;
    struct errand *next = NULL;
    for (struct errand *errand = owner->first; errand != NULL; errand = next) {
        next = errand->next;
        if (errand->guest == guest) {
            errand_drop(owner, errand);
        }
    }
    owner->borrower = owner->borrower == guest ? NULL : owner->borrower;
}

/* ---- messages */

/* Takes the errand from the list and tells its guest what came of it: the frame, if it could be
 * written. */
static void answer(struct owner *owner, struct errand *errand, enum error written,
                   struct bytes frame) {
    struct guest *guest = errand->guest;
    errand_drop(owner, errand);
    guest_expect(guest, -1);
    if (written == OK) {
        guest_tell(guest, frame);
    } else {
        guest_show_out(guest);
    }
}

static void answer_sent(struct owner *owner, struct errand *errand, const struct owner_sent *sent) {
    struct buffer frame;
    buffer_init(&frame, OWNER_FRAME_MAX_BYTES);
    enum error error = owner_write_sent(&frame, errand->number, sent);
    answer(owner, errand, error, buffer_view(&frame));
    buffer_clear(&frame);
}

/* The engine does not take it. */
static void refuse(struct owner *owner, struct errand *errand, enum error status) {
    struct owner_sent sent = {.effect = SENT_NOT};
    struct report report = profile_report(owner->runner->client, REPORT_EFFECT_LATER);
    report.peer = errand->message.to.text;
    memcpy(sent.sent.to, errand->message.to.text, sizeof(sent.sent.to));
    (void)report_error(&sent.error, status, &report);
    answer_sent(owner, errand, &sent);
}

static void give(struct owner *owner, struct errand *errand) {
    struct runner *runner = owner->runner;
    const struct owner_send *message = &errand->message;
    struct submission submission = {.to = message->to,
                                    .text = message->text,
                                    .key = message->key[0] == '\0' ? NULL : message->key,
                                    .is_patient = message->wait == SOTTO_WAIT_QUEUED,
                                    .require_verified = message->require_verified,
                                    .life_s = message->life_s,
                                    .has_id = true};
    memcpy(submission.msg_id, message->msg_id, MESSAGE_ID_BYTES);
    enum error status =
        engine_submit(runner->engine, profile_now(runner->client), &submission, &errand->job);
    errand->is_given = status == OK;
    if (status != OK) {
        refuse(owner, errand, status);
    }
}

/* The first message that no engine has been given. */
static struct errand *first_waiting(const struct owner *owner) {
    struct errand *errand = owner->first;
    while (errand != NULL && (errand->kind != ERRAND_SEND || errand->is_given)) {
        errand = errand->next;
    }
    return errand;
}

/* Those for whom nobody waits any more are not begun: whoever handed them in says that nothing was
 * sent. */
static void give_all(struct owner *owner) {
    uint64_t now = profile_time(owner->runner->client);
    struct errand *errand = first_waiting(owner);
    while (errand != NULL && engine_phase(owner->runner->engine) != ENGINE_OVER) {
        if (now > errand->message.until_ms) {
            refuse(owner, errand, ERR_STORE_BUSY);
        } else {
            give(owner, errand);
        }
        errand = first_waiting(owner);
    }
}

/* Whether it has come as far as it is to be waited for, or no further in time. */
static bool is_done(const struct owner *owner, struct errand *errand) {
    const struct send_result *result = result_of(owner, errand);
    uint64_t now = profile_time(owner->runner->client);
    if (errand->guest == NULL) {
        return result->is_done;
    }
    bool is_to_be_confirmed = errand->message.wait == SOTTO_WAIT_DELIVERED && result->is_done;
    if (!sent_is_open(result, errand->message.wait)) {
        return true;
    }
    if (is_to_be_confirmed && errand->give_up_ms == 0) {
        errand->give_up_ms = now + errand->message.timeout_ms;
    }
    return is_to_be_confirmed && now >= errand->give_up_ms;
}

static struct errand *first_done(const struct owner *owner) {
    struct errand *errand = owner->first;
    while (errand != NULL && !(errand->is_given && is_done(owner, errand))) {
        errand = errand->next;
    }
    return errand;
}

static void conclude(struct owner *owner, struct errand *errand) {
    struct runner *runner = owner->runner;
    const struct send_result *result = result_of(owner, errand);
    struct owner_sent sent = {.error = {.exit = 0}};
    if (errand->guest == NULL) {
        errand_drop(owner, errand);
        return;
    }
    sent_describe(runner, result, errand->message.msg_id, &sent.sent);
    const struct sent_wish wish = {.wait = errand->message.wait,
                                   .timeout_ms = errand->message.timeout_ms,
                                   .is_one_of_many = errand->message.is_one_of_many};
    sent_explain(runner, result, &wish, &sent);
    answer_sent(owner, errand, &sent);
}

/* An answer may show its guest out, with all its other errands: each time from the beginning. */
static void conclude_all(struct owner *owner) {
    struct errand *errand = first_done(owner);
    while (errand != NULL) {
        conclude(owner, errand);
        errand = first_done(owner);
    }
}

/* ---- readers beside this one */

static enum error move(const struct owner *owner, const struct owner_cursor *cursor,
                       uint64_t *place) {
    const struct client_store *store = owner->runner->client->store;
    switch (cursor->move) {
    case OWNER_CURSOR_OPEN:
        return store->cursor_open(store->context, cursor->name, cursor->first, cursor->second,
                                  place);
    case OWNER_CURSOR_PUT:
        return store->cursor_put(store->context, cursor->name, cursor->first);
    case OWNER_CURSOR_PASS:
        return store->cursor_pass(store->context, cursor->name, cursor->first, cursor->second);
    case OWNER_CURSOR_TAKE:
        break;
    }
    return store->passed_take(store->context, cursor->name, cursor->first);
}

static void move_one(struct owner *owner, struct errand *errand) {
    struct owner_moved moved = {.is_full = false};
    struct buffer frame;
    buffer_init(&frame, OWNER_FRAME_MAX_BYTES);
    enum error error = move(owner, &errand->cursor, &moved.place);
    moved.is_full = error == ERR_LIMIT;
    if (error == OK || moved.is_full) {
        error = owner_write_moved(&frame, errand->number, &moved);
    }
    answer(owner, errand, error, buffer_view(&frame));
    buffer_clear(&frame);
}

static void move_all(struct owner *owner) {
    struct errand *errand = first_of(owner, ERRAND_CURSOR);
    while (errand != NULL) {
        move_one(owner, errand);
        errand = first_of(owner, ERRAND_CURSOR);
    }
}

static bool is_news(const struct owner_news *now, const struct owner_news *known) {
    return now->place != known->place || now->is_caught_up != known->is_caught_up;
}

static struct errand *first_to_tell(const struct owner *owner, const struct owner_news *now) {
    struct errand *errand = owner->first;
    while (errand != NULL && !(errand->kind == ERRAND_WATCH && is_news(now, &errand->news))) {
        errand = errand->next;
    }
    return errand;
}

static void tell_all(struct owner *owner) {
    const struct client_store *store = owner->runner->client->store;
    struct owner_news now = {.is_caught_up = engine_is_caught_up(owner->runner->engine)};
    struct errand *errand = first_of(owner, ERRAND_WATCH);
    enum error error =
        errand == NULL ? OK : store->place_since(store->context, INT64_MAX, &now.place);
    while (errand != NULL && (errand = first_to_tell(owner, &now)) != NULL) {
        struct buffer frame;
        buffer_init(&frame, OWNER_FRAME_MAX_BYTES);
        if (error == OK) {
            error = owner_write_news(&frame, OWNER_NEWS, errand->number, &now);
        }
        answer(owner, errand, error, buffer_view(&frame));
        buffer_clear(&frame);
    }
}

/* ---- the owner */

must_check enum error owner_open(struct runner *runner, struct owner **owner) {
    struct sotto *client = runner->client;
    struct owner *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return ERR_MEMORY;
    }
    const struct porch_events events = {.context = made, .asked = on_asked, .left = on_left};
    made->runner = runner;
    made->end = &made->first;
    enum error error =
        porch_open(&runner->loop, client->folder, &client->clock, &events, &made->porch);
    if (error != OK) {
        free(made);
        made = NULL;
    }
    *owner = made;
    return error == ERR_MEMORY ? error : OK;
}

void owner_turn(struct owner *owner) {
    if (owner == NULL) {
        return;
    }
    porch_tick(owner->porch);
    if (owner->runner->engine != NULL) {
        if (!owner->is_holding) {
            move_all(owner);
            give_all(owner);
            tell_all(owner);
        }
        conclude_all(owner);
    }
}

uint64_t owner_deadline(const struct owner *owner) {
    uint64_t first = owner == NULL ? UINT64_MAX : porch_deadline(owner->porch);
    const struct errand *errand = owner == NULL ? NULL : owner->first;
    for (; errand != NULL; errand = errand->next) {
        if (errand->give_up_ms > 0 && errand->give_up_ms < first) {
            first = errand->give_up_ms;
        }
    }
    return first;
}

bool owner_has_waiting(const struct owner *owner) {
    return owner != NULL && first_waiting(owner) != NULL;
}

bool owner_is_settled(const struct owner *owner) {
    const struct errand *errand = owner == NULL ? NULL : owner->first;
    while (errand != NULL && !(errand->is_given && !result_of(owner, errand)->is_done)) {
        errand = errand->next;
    }
    return errand == NULL;
}

void owner_part(struct owner *owner) {
    struct errand *errand = owner == NULL ? NULL : owner->first;
    while (errand != NULL) {
        struct errand *next = errand->next;
        errand->is_given = false;
        if (errand->guest == NULL) {
            errand_drop(owner, errand);
        }
        errand = next;
    }
}

void owner_hold(struct owner *owner, bool is_holding) {
    if (owner != NULL) {
        owner->is_holding = is_holding;
    }
}

bool owner_is_asked(const struct owner *owner) {
    return owner != NULL && first_of(owner, ERRAND_LOAN) != NULL;
}

void owner_lend(struct owner *owner) {
    struct errand *errand = first_of(owner, ERRAND_LOAN);
    struct buffer frame;
    require(errand != NULL && owner->borrower == NULL);
    struct guest *guest = errand->guest;
    buffer_init(&frame, OWNER_FRAME_MAX_BYTES);
    enum error error = owner_write_empty(&frame, OWNER_LENT, errand->number);
    errand_drop(owner, errand); /* the guest is still expected to be silent: it works */
    owner->borrower = guest;
    if (error == OK) {
        guest_tell(guest, buffer_view(&frame));
    } else {
        guest_show_out(guest);
    }
    buffer_clear(&frame);
}

bool owner_is_lent(const struct owner *owner) {
    return owner != NULL && owner->borrower != NULL;
}

void owner_shut(struct owner *owner) {
    if (owner != NULL) {
        porch_shut(owner->porch);
    }
}

void owner_close(struct owner *owner) {
    if (owner != NULL) {
        porch_close(owner->porch); /* who was not answered leaves, and its errands with it */
        free(owner);
    }
}
