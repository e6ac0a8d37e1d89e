/* SPDX-License-Identifier: ISC */
/* Messages on their way out, before they are encrypted: handed in here, or found in the outbox. */
#include "client/engine_inner.h"

#include "base/require.h"
#include "client/body.h"

#include <string.h>

static const char LAST_SENT[] = "last_sent";

/* ---- jobs
 * ----------------------------------------------------------------------------------------- */

must_check enum error job_correspondent(struct engine *engine, const struct user_name *name,
                                        size_t *index) {
    for (size_t i = 0; i < engine->correspondent_count; i++) {
        if (user_name_equal(&engine->correspondents[i].name, name)) {
            *index = i;
            return OK;
        }
    }
    void *items = engine->correspondents;
    enum error error = engine_grow(&items, sizeof(*engine->correspondents),
                                   engine->correspondent_count, &engine->correspondent_capacity);
    engine->correspondents = items;
    if (error == OK) {
        *index = engine->correspondent_count++;
        /* What was given up by an earlier connection has not been looked for yet. */
        engine->correspondents[*index] =
            (struct correspondent){.name = *name, .has_given_up = true};
    }
    return error;
}

/* Jobs are taken in the order of their places: a message comes behind those to the same person. */
static size_t behind_others(const struct engine *engine, size_t correspondent) {
    size_t behind = 0;
    for (size_t i = engine->first_open_job; i < engine->job_count; i++) {
        const struct job *job = &engine->jobs[i];
        if (job->correspondent == correspondent && !job->result.is_done && !job->is_in_flight) {
            behind = i + 1;
        }
    }
    return behind;
}

/* The first place from `index` on that is free again; `false`: there is none. */
static bool take_spare(struct engine *engine, size_t *index) {
    size_t at = engine->spare_job_count > 0 ? *index : engine->job_count;
    while (at < engine->job_count && !engine->jobs[at].is_spare) {
        at++;
    }
    if (at >= engine->job_count) {
        return false;
    }
    engine->spare_job_count--;
    engine->first_open_job = at < engine->first_open_job ? at : engine->first_open_job;
    *index = at;
    return true;
}

/* A place for a job: one that is free again, or a new one. `is_now`: a message that leaves at once.
 */
static enum error find_place(struct engine *engine, size_t correspondent, bool is_now,
                             size_t *index) {
    *index = is_now ? 0 : behind_others(engine, correspondent);
    if (take_spare(engine, index)) {
        return OK;
    }
    void *items = engine->jobs;
    enum error error =
        engine_grow(&items, sizeof(*engine->jobs), engine->job_count, &engine->job_capacity);
    engine->jobs = items;
    if (error == OK) {
        *index = engine->job_count++;
    }
    return error;
}

must_check enum error job_add(struct engine *engine, const struct outgoing *message,
                              size_t *index) {
    size_t correspondent = 0;
    enum error error = job_correspondent(engine, &message->to, &correspondent);
    if (error == OK) {
        error = find_place(engine, correspondent, !body_is_for_people(message->kind), index);
    }
    if (error != OK) {
        return error;
    }
    struct job *job = &engine->jobs[*index];
    memset(job, 0, sizeof(*job));
    job->result.message = *message;
    job->result.is_stored = message->row > 0;
    job->correspondent = correspondent;
    buffer_init(&job->text, TEXT_MAX_BYTES);
    return OK;
}

struct job *job_open(struct engine *engine, uint64_t row) {
    for (size_t i = engine->first_open_job; i < engine->job_count; i++) {
        struct job *job = &engine->jobs[i];
        if (!job->result.is_done && job->result.message.row == row) {
            return job;
        }
    }
    return NULL;
}

must_check enum error jobs_load(struct engine *engine, enum outgoing_state state) {
    struct outgoing message = {.row = 0};
    enum error error = OK;
    while (error == OK) {
        size_t index = 0;
        error = engine->store->outgoing_next(engine->store->context, state, message.turn,
                                             message.row, &message);
        if (error == OK && job_open(engine, message.row) == NULL) {
            error = job_add(engine, &message, &index);
            if (error == OK) {
                engine->jobs[index].was_offered = state == OUTGOING_SEALED;
            }
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

void job_conclude(struct job *job, const struct failure *failure) {
    job->result.is_done = true;
    job->is_in_flight = false;
    if (failure != NULL) {
        job->result.failure = *failure;
    }
    buffer_clear(&job->text);
}

void job_spare(struct engine *engine, struct job *job) {
    if (!job->is_spare) {
        job->is_spare = true;
        engine->spare_job_count++;
    }
}

must_check enum error job_next_sent(struct engine *engine, uint64_t *sent_ms) {
    enum error error = engine->last_sent_ms == 0
                           ? setting_get_u64(engine->store, LAST_SENT, &engine->last_sent_ms)
                           : OK;
    uint64_t last = engine->last_sent_ms;
    engine->last_sent_ms = engine->now_ms > last ? engine->now_ms : last + 1;
    *sent_ms = engine->last_sent_ms;
    return error;
}

must_check enum error job_keep_sent(struct engine *engine) {
    return setting_put_u64(engine->store, LAST_SENT, engine->last_sent_ms);
}

must_check enum error job_find_peer(struct engine *engine, const struct user_name *name,
                                    struct stored_peer *peer) {
    enum error error = engine->store->peer_get(engine->store->context, name, peer);
    return error == ERR_NOT_FOUND ? OK : error;
}

void job_touch(struct engine *engine, struct job *job) {
    size_t index = (size_t)(job - engine->jobs);
    if (job->is_unsaved) {
        return;
    }
    if (!engine->has_unsaved || index < engine->first_unsaved) {
        engine->first_unsaved = index;
    }
    engine->has_unsaved = true;
    job->is_unsaved = true;
    job->was_stored = job->result.is_stored;
    job->saved_state = job->result.message.state;
    job->saved_accepted_ms = job->result.message.accepted_ms;
}

/* Whatever the job came to rests on what was not kept. */
static void take_back(const struct engine *engine, struct job *job) {
    job->result.is_stored = job->was_stored;
    job->result.message.state = job->saved_state;
    job->result.message.accepted_ms = job->saved_accepted_ms;
    if (job->result.is_done) {
        job->result.failure = engine->failure;
    }
}

void jobs_settle(struct engine *engine, bool is_committed) {
    for (size_t i = engine->first_unsaved; engine->has_unsaved && i < engine->job_count; i++) {
        struct job *job = &engine->jobs[i];
        if (job->is_unsaved && !is_committed) {
            take_back(engine, job);
        }
        job->is_unsaved = false;
    }
    engine->has_unsaved = false;
}

/* Writes a text that is to be encrypted later, bound to the key that is pinned now. */
must_check enum error job_enqueue(struct engine *engine, struct job *job,
                                  const struct stored_peer *peer) {
    struct outgoing *message = &job->result.message;
    const struct bytes no_envelope = {0};
    job_touch(engine, job);
    message->state = OUTGOING_QUEUED;
    message->is_patient = true;
    message->has_afp = peer->has_pin;
    memcpy(message->afp, peer->afp, HASH_BYTES);
    enum error error = engine_write(engine);
    if (error == OK) {
        error = job_keep_sent(engine);
    }
    if (error == OK) {
        error = engine->store->outgoing_add(engine->store->context, message,
                                            buffer_view(&job->text), no_envelope);
    }
    job->result.is_stored = error == OK;
    return error;
}

/* ---- once more
 * ------------------------------------------------------------------------------------ */

/* One of a row, over or not, whose place is its own. */
static struct job *find_row(struct engine *engine, uint64_t row) {
    for (size_t i = 0; i < engine->job_count; i++) {
        struct job *job = &engine->jobs[i];
        if (job->result.message.row == row && !job->is_dropped && !job->is_spare) {
            return job;
        }
    }
    return NULL;
}

static bool is_busy(const struct engine *engine, size_t correspondent) {
    for (size_t i = engine->first_open_job; i < engine->job_count; i++) {
        const struct job *job = &engine->jobs[i];
        if (job->correspondent == correspondent && !job->result.is_done) {
            return true;
        }
    }
    return false;
}

/* Whoever writes a thousand messages is not refused a thousand times. */
static bool may_be_over(const struct engine *engine, const struct correspondent *to) {
    uint64_t asked_ms = to->blocked.retry_after_s * SECOND_MS;
    uint64_t held_ms = asked_ms > BLOCKED_MS ? asked_ms : BLOCKED_MS;
    return to->blocked.error != OK &&
           (engine->now_ms < to->blocked_ms || engine->now_ms - to->blocked_ms >= held_ms);
}

/* Takes back what was said of that person, or (NULL) of everybody, a while ago, except where
 * messages are under way. */
static bool unblock(struct engine *engine, const struct user_name *who) {
    bool has_any = false;
    for (size_t i = 0; i < engine->correspondent_count; i++) {
        struct correspondent *to = &engine->correspondents[i];
        bool is_meant = who == NULL || user_name_equal(&to->name, who);
        if (is_meant && may_be_over(engine, to) && !is_busy(engine, i)) {
            to->blocked = (struct failure){.error = OK};
            to->tries = 0;
            to->is_checked = false; /* what was shown then may be the reason */
            has_any = true;
        }
    }
    return has_any;
}

/* The job that is over, of a row that is to have another one. */
static void give_way(struct engine *engine, uint64_t row) {
    struct job *job = find_row(engine, row);
    if (job != NULL && job->askers == 0) {
        job_spare(engine, job);
    }
}

must_check enum error jobs_retry(struct engine *engine, const struct user_name *who) {
    struct outgoing message = {.row = 0};
    enum error error = OK;
    if (!unblock(engine, who) && who != NULL) {
        return OK;
    }
    while (error == OK) {
        size_t index = 0;
        error = engine->store->outgoing_next(engine->store->context, OUTGOING_QUEUED, message.turn,
                                             message.row, &message);
        bool is_meant = error == OK && (who == NULL || user_name_equal(&message.to, who));
        if (is_meant && job_open(engine, message.row) == NULL) {
            give_way(engine, message.row);
            error = job_add(engine, &message, &index);
        }
    }
    return error == ERR_NOT_FOUND ? OK : error;
}

/* ---- submitting
 * ----------------------------------------------------------------------------------- */

/* One that was handed in before and is not stored yet: it waits for keys or for its turn. */
static struct job *find_waiting(struct engine *engine, const struct user_name *to,
                                const char *key) {
    for (size_t i = engine->first_open_job; i < engine->job_count; i++) {
        struct job *job = &engine->jobs[i];
        const struct outgoing *message = &job->result.message;
        if (!job->result.is_done && message->row == 0 && body_is_for_people(message->kind) &&
            user_name_equal(&message->to, to) && strcmp(message->key, key) == 0) {
            return job;
        }
    }
    return NULL;
}

/* Whether it waits in the outbox, and was never accepted: its turn comes again. */
static bool is_open(const struct outgoing *message) {
    return message->accepted_ms == 0 &&
           (message->state == OUTGOING_QUEUED || message->state == OUTGOING_SEALED);
}

/* A key that was used before names its first message: one of this engine, or of the store. */
static enum error find_repeat(struct engine *engine, const struct user_name *to, const char *key,
                              size_t *number) {
    struct outgoing message;
    uint64_t since = engine->now_ms > SENT_KEY_MEMORY_MS ? engine->now_ms - SENT_KEY_MEMORY_MS : 0;
    struct job *job = find_waiting(engine, to, key);
    enum error error = OK;
    if (job == NULL) {
        error = engine->store->outgoing_find(engine->store->context, to, key, since, &message);
        if (error == OK && message.state == OUTGOING_REPAIR && message.accepted_ms == 0) {
            /* It is on its way again; its turn comes with the others to that person. */
            error = repair_load(engine, to);
        }
        if (error != OK) {
            return error;
        }
        job = job_open(engine, message.row);
        if (job == NULL && is_open(&message)) {
            give_way(engine, message.row);
        } else if (job == NULL) {
            job = find_row(engine, message.row);
        }
    }
    if (job == NULL) {
        error = job_add(engine, &message, number);
        if (error != OK) {
            return error;
        }
        job = &engine->jobs[*number];
        job->was_offered = message.state == OUTGOING_SEALED;
        if (!is_open(&message)) {
            job_conclude(job, NULL);
        }
    }
    *number = (size_t)(job - engine->jobs);
    job->is_own = true;
    return job_find_peer(engine, to, &job->result.peer);
}

static enum error submit_new(struct engine *engine, const struct submission *submission,
                             const char *key, const uint8_t msg_id[MESSAGE_ID_BYTES],
                             size_t *number) {
    struct outgoing message = {.to = submission->to,
                               .kind = submission->life_s > 0 ? BODY_TEXT_WITH_LIFE : BODY_TEXT,
                               .life_s = submission->life_s,
                               .is_for_verified = submission->require_verified};
    memcpy(message.msg_id, msg_id, MESSAGE_ID_BYTES);
    memcpy(message.key, key, strlen(key) + 1);
    enum error error = job_next_sent(engine, &message.sent_ms);
    if (error == OK) {
        error = job_add(engine, &message, number);
    }
    if (error != OK) {
        return error;
    }
    struct job *job = &engine->jobs[*number];
    job->is_own = true;
    error = buffer_append(&job->text, submission->text);
    if (error == OK) {
        error = job_find_peer(engine, &submission->to, &job->result.peer);
    }
    const struct vouched *card = trust_card(engine, &submission->to);
    enum error refusal = OK;
    if (job->result.peer.is_changed && card == NULL) {
        refusal = ERR_PEER_KEY_CHANGED; /* a card decides when the server has shown a key */
    } else if (submission->require_verified && !trust_is_verified(engine, &job->result.peer)) {
        refusal = ERR_NOT_VERIFIED;
    }
    if (error == OK && refusal != OK) {
        struct failure failure;
        failure_set(&failure, refusal, NULL);
        job_conclude(job, &failure);
        return OK;
    }
    return error == OK && submission->is_patient ? job_enqueue(engine, job, &job->result.peer)
                                                 : error;
}

/* A message without a key has its id as one. */
static enum error choose_id(struct engine *engine, const struct submission *submission,
                            uint8_t msg_id[MESSAGE_ID_BYTES], char key[REPEAT_KEY_MAX_BYTES + 1]) {
    if (submission->has_id) {
        memcpy(msg_id, submission->msg_id, MESSAGE_ID_BYTES);
    } else {
        enum error error = engine->entropy.fill(engine->entropy.context, msg_id, MESSAGE_ID_BYTES);
        if (error != OK) {
            return error;
        }
    }
    if (submission->key != NULL) {
        size_t size = strlen(submission->key);
        require(size <= REPEAT_KEY_MAX_BYTES);
        memcpy(key, submission->key, size + 1);
    } else {
        body_id_text(msg_id, key);
    }
    return OK;
}

must_check enum error engine_submit(struct engine *engine, uint64_t now_ms,
                                    const struct submission *submission, size_t *number) {
    char key[REPEAT_KEY_MAX_BYTES + 1];
    uint8_t msg_id[MESSAGE_ID_BYTES];
    if (engine->phase == ENGINE_OVER) {
        return engine->failure.error;
    }
    if (user_name_equal(&submission->to, &engine->account.name)) {
        return ERR_SELF_RECIPIENT;
    }
    engine->now_ms = now_ms;
    enum error error = choose_id(engine, submission, msg_id, key);
    if (error == OK) {
        error = jobs_retry(engine, &submission->to);
    }
    bool may_be_known = submission->has_id || submission->key != NULL;
    if (error == OK) {
        error = may_be_known ? find_repeat(engine, &submission->to, key, number) : ERR_NOT_FOUND;
    }
    if (error == ERR_NOT_FOUND) {
        error = submit_new(engine, submission, key, msg_id, number);
    }
    if (error == OK) {
        engine->jobs[*number].askers++;
    }
    if (error == OK && engine->phase == ENGINE_OPEN) {
        error = outbox_run(engine);
    }
    return engine_end(engine, error);
}

void engine_forget(struct engine *engine, size_t number) {
    require(number < engine->job_count);
    struct job *job = &engine->jobs[number];
    require(job->askers > 0 && job->result.is_done);
    job->askers--;
    if (job->askers == 0) {
        job_spare(engine, job);
    }
}
