/* SPDX-License-Identifier: ISC */
/* Certificates and prekeys: PUBLISH, RENEW, GET_CERTIFICATE, GET_BUNDLE, CERTIFICATE, BUNDLE. */
#include "wire/fields.h"

enum {
    BUNDLE_BYTES = CERTIFICATE_BYTES + PREKEY_SET_BYTES,
    BUNDLE_ONE_TIME_BYTES = BUNDLE_BYTES + ONE_TIME_PREKEY_BYTES,
};

must_check enum error wire_read_publish(struct bytes body, struct wire_publish *message) {
    struct reader reader;
    reader_init(&reader, body);
    *message = (struct wire_publish){0};
    message->replace = reader_flag(&reader);
    message->has_set = reader_flag(&reader);
    if (message->has_set) {
        message->set = reader_bytes(&reader, PREKEY_SET_BYTES);
    }
    message->one_time_count = reader_u8(&reader);
    if (message->one_time_count > ONE_TIME_PREKEYS_FULL) {
        reader_fail(&reader);
    }
    message->one_time =
        reader_bytes(&reader, (size_t)message->one_time_count * ONE_TIME_PREKEY_BYTES);
    return reader_finish(&reader);
}

must_check enum error wire_write_publish(struct buffer *out, uint32_t request,
                                         const struct wire_publish *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_PUBLISH, request);
    writer_flag(&writer, message->replace);
    writer_flag(&writer, message->has_set);
    if (message->has_set) {
        writer_fixed(&writer, message->set, PREKEY_SET_BYTES);
    }
    if (message->one_time_count > ONE_TIME_PREKEYS_FULL) {
        writer_fail(&writer);
    }
    writer_u8(&writer, message->one_time_count);
    writer_fixed(&writer, message->one_time,
                 (size_t)message->one_time_count * ONE_TIME_PREKEY_BYTES);
    return frame_end(&writer);
}

must_check enum error wire_read_renew(struct bytes body, struct wire_renew *message) {
    struct reader reader;
    reader_init(&reader, body);
    *message = (struct wire_renew){0};
    message->certificate = reader_bytes(&reader, CERTIFICATE_BYTES);
    message->set = reader_bytes(&reader, PREKEY_SET_BYTES);
    message->one_time_count = reader_u8(&reader);
    if (message->one_time_count < 1 || message->one_time_count > ONE_TIME_PREKEYS_FULL) {
        reader_fail(&reader);
    }
    message->one_time =
        reader_bytes(&reader, (size_t)message->one_time_count * ONE_TIME_PREKEY_BYTES);
    return reader_finish(&reader);
}

must_check enum error wire_write_renew(struct buffer *out, uint32_t request,
                                       const struct wire_renew *message) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_RENEW, request);
    writer_fixed(&writer, message->certificate, CERTIFICATE_BYTES);
    writer_fixed(&writer, message->set, PREKEY_SET_BYTES);
    if (message->one_time_count < 1 || message->one_time_count > ONE_TIME_PREKEYS_FULL) {
        writer_fail(&writer);
    }
    writer_u8(&writer, message->one_time_count);
    writer_fixed(&writer, message->one_time,
                 (size_t)message->one_time_count * ONE_TIME_PREKEY_BYTES);
    return frame_end(&writer);
}

must_check enum error wire_read_name(struct bytes body, struct user_name *name) {
    struct reader reader;
    reader_init(&reader, body);
    reader_name(&reader, name);
    return reader_finish(&reader);
}

must_check enum error wire_write_name(struct buffer *out, enum wire_type type, uint32_t request,
                                      const struct user_name *name) {
    struct writer writer;
    frame_begin(&writer, out, type, request);
    writer_name(&writer, name);
    return frame_end(&writer);
}

must_check enum error wire_read_certificate(struct bytes body, struct bytes *certificate) {
    struct reader reader;
    reader_init(&reader, body);
    *certificate = reader_bytes(&reader, CERTIFICATE_BYTES);
    return reader_finish(&reader);
}

must_check enum error wire_write_certificate(struct buffer *out, uint32_t request,
                                             struct bytes certificate) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_CERTIFICATE, request);
    writer_fixed(&writer, certificate, CERTIFICATE_BYTES);
    return frame_end(&writer);
}

must_check enum error wire_read_bundle(struct bytes body, struct bytes *bundle) {
    struct reader reader;
    reader_init(&reader, body);
    *bundle = reader_bytes(&reader, body.size);
    if (body.size != BUNDLE_BYTES && body.size != BUNDLE_ONE_TIME_BYTES) {
        reader_fail(&reader);
    }
    return reader_finish(&reader);
}

must_check enum error wire_write_bundle(struct buffer *out, uint32_t request,
                                        struct bytes certificate, struct bytes set,
                                        struct bytes one_time) {
    struct writer writer;
    frame_begin(&writer, out, WIRE_BUNDLE, request);
    writer_fixed(&writer, certificate, CERTIFICATE_BYTES);
    writer_fixed(&writer, set, PREKEY_SET_BYTES);
    if (one_time.size > 0) {
        writer_fixed(&writer, one_time, ONE_TIME_PREKEY_BYTES);
    }
    return frame_end(&writer);
}
