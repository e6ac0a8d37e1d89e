/* SPDX-License-Identifier: ISC */
#include "server/store/run.h"

#include <string.h>

enum {
    ID_AT = 8,
    DIGEST_AT = ID_AT + ENVELOPE_ID_BYTES,
    PLACE_AT = MARK_BYTES,
    ACCEPTED_AT = PLACE_AT + 8,
    SIZE_AT = ACCEPTED_AT + 8,
    NAME_AT = SIZE_AT + 4,
    CHECKSUM_AT = NAME_AT + NAME_MAX_BYTES,
    AT_AT = CHECKSUM_AT + DIGEST_BYTES,
};

/* A bit that turned on the disk is noticed before a message is handed over: here, and by the
 * digest of its envelope. */
static enum error checksum(const uint8_t *head, uint64_t device, uint8_t out[DIGEST_BYTES]) {
    uint8_t number[8];
    uint8_t hash[HASH_BYTES];
    put_u64(number, device);
    const struct bytes parts[] = {bytes_of(number), bytes_make(head, CHECKSUM_AT)};
    enum error error = sha256(parts, 2, hash);
    memcpy(out, hash, DIGEST_BYTES);
    return error;
}

struct mark mark_read(const uint8_t in[MARK_BYTES]) {
    struct mark mark = {.sender = get_u64(in)};
    memcpy(mark.id, in + ID_AT, sizeof(mark.id));
    memcpy(mark.digest, in + DIGEST_AT, sizeof(mark.digest));
    return mark;
}

struct mark mark_of(const struct store_insert *insert) {
    struct mark mark = {.sender = insert->sender};
    memcpy(mark.id, insert->envelope->id, sizeof(mark.id));
    memcpy(mark.digest, insert->digest, sizeof(mark.digest));
    return mark;
}

bool mark_is(const struct mark *mark, const uint8_t stored[MARK_BYTES]) {
    return get_u64(stored) == mark->sender &&
           memcmp(stored + ID_AT, mark->id, sizeof(mark->id)) == 0;
}

must_check enum error head_write(uint8_t out[HEAD_BYTES], uint64_t device,
                                 const struct head *head) {
    put_u64(out, head->mark.sender);
    memcpy(out + ID_AT, head->mark.id, sizeof(head->mark.id));
    memcpy(out + DIGEST_AT, head->mark.digest, sizeof(head->mark.digest));
    put_u64(out + PLACE_AT, head->place);
    put_u64(out + ACCEPTED_AT, head->accepted_ms);
    put_u32(out + SIZE_AT, head->size);
    memset(out + NAME_AT, 0, NAME_MAX_BYTES);
    memcpy(out + NAME_AT, head->from.text, strnlen(head->from.text, NAME_MAX_BYTES));
    head_set_at(out, head->at);
    return checksum(out, device, out + CHECKSUM_AT);
}

void head_spoil(uint8_t head[HEAD_BYTES]) {
    head[CHECKSUM_AT] ^= 0xff;
}

uint64_t head_place(const uint8_t in[HEAD_BYTES]) {
    return get_u64(in + PLACE_AT);
}

uint32_t head_at(const uint8_t in[HEAD_BYTES]) {
    return get_u32(in + AT_AT);
}

uint32_t head_size(const uint8_t in[HEAD_BYTES]) {
    return get_u32(in + SIZE_AT);
}

void head_set_at(uint8_t head[HEAD_BYTES], uint32_t at) {
    put_u32(head + AT_AT, at);
}

bool head_read(const uint8_t in[HEAD_BYTES], uint64_t device, struct head *head) {
    uint8_t expected[DIGEST_BYTES];
    const char *name = (const char *)in + NAME_AT;
    *head = (struct head){.mark = mark_read(in),
                          .place = head_place(in),
                          .accepted_ms = get_u64(in + ACCEPTED_AT),
                          .at = head_at(in),
                          .size = head_size(in)};
    return checksum(in, device, expected) == OK &&
           memcmp(expected, in + CHECKSUM_AT, DIGEST_BYTES) == 0 &&
           user_name_parse(bytes_make(name, strnlen(name, NAME_MAX_BYTES)), &head->from) == OK;
}

struct envelope *head_open(const struct head *head, struct bytes envelopes, bool is_sure,
                           enum error *error) {
    uint8_t digest[DIGEST_BYTES];
    *error = ERR_STORE_BROKEN;
    if (head->size < ENVELOPE_MIN_BYTES || head->size > ENVELOPE_MAX_BYTES ||
        head->at > envelopes.size || head->size > envelopes.size - head->at) {
        return NULL;
    }
    struct envelope *envelope = envelope_new(bytes_make(envelopes.data + head->at, head->size));
    if (envelope == NULL) {
        *error = ERR_MEMORY;
        return NULL;
    }
    envelope->from = head->from;
    envelope->accepted_ms = head->accepted_ms;
    memcpy(envelope->id, head->mark.id, sizeof(envelope->id));
    if (!is_sure && (envelope_digest(envelope, digest) != OK ||
                     memcmp(digest, head->mark.digest, sizeof(digest)) != 0)) {
        envelope_free(envelope);
        return NULL;
    }
    *error = OK;
    return envelope;
}

must_check enum error head_check(const uint8_t in[HEAD_BYTES], uint64_t device,
                                 struct bytes envelopes) {
    struct head head;
    enum error error = ERR_STORE_BROKEN;
    if (head_read(in, device, &head)) {
        envelope_free(head_open(&head, envelopes, false, &error));
    }
    return error;
}

uint64_t heads_place(struct bytes heads, size_t at, uint64_t device, uint64_t last) {
    struct head head;
    size_t next = at;
    while (next + HEAD_BYTES <= heads.size && !head_read(heads.data + next, device, &head)) {
        next += HEAD_BYTES;
    }
    const bool is_read = next + HEAD_BYTES <= heads.size;
    const uint64_t place = is_read ? head.place : last;
    const uint64_t between = (next - at) / HEAD_BYTES - (is_read ? 0 : 1);
    return place > between ? place - between : place;
}
