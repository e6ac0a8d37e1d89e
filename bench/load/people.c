/* SPDX-License-Identifier: ISC */
/* Accounts for the wire protocol. Keys and certificates are real; only the RSA key is one for all,
 * because making a thousand takes minutes and the server never uses it. */
#include "load.h"

#include "base/limits.h"
#include "session/certificate.h"
#include "wire/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_ONCE = 8, PERSON_BYTES = NAME_MAX_BYTES + 32 + HASH_BYTES };

struct maker {
    struct rsa_private rsa;
    struct person *people;
    size_t count;
};

static struct maker maker; /* while it registers */

static void check(enum error error) {
    if (error != OK) {
        load_fail("accounts: %s", error_code(error));
    }
}

static uint64_t wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void wire_register_person(struct link *link, const uint8_t exporter[32]) {
    const struct entropy entropy = entropy_system();
    struct account_keys account;
    struct device_keys device = {.rsa = maker.rsa};
    struct person *person = &maker.people[link->index];
    struct wire_register message = {0};
    struct certificate parsed;
    uint8_t certificate[CERTIFICATE_BYTES];
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof(name), "u%zu", link->index);
    check(user_name_parse(bytes_of_string(name), &person->name));
    check(account_keys_generate(&entropy, &account));
    check(entropy.fill(NULL, device.signing.bytes, sizeof(device.signing.bytes)));
    check(entropy.fill(NULL, device.dh.bytes, sizeof(device.dh.bytes)));
    check(entropy.fill(NULL, device.kem.bytes, sizeof(device.kem.bytes)));
    check(certificate_make(&account, &device, &person->name, 1, wall_ms(), certificate));
    check(certificate_parse(bytes_of(certificate), &parsed));
    person->signing = device.signing;
    memcpy(person->cid, parsed.cid, sizeof(person->cid));
    memcpy(message.login.cid, parsed.cid, sizeof(parsed.cid));
    check(login_sign(&device, exporter, parsed.cid, message.login.signature));
    message.certificate = bytes_of(certificate);
    check(wire_write_register(&link->out, ++link->request, &message));
    load_queue(link);
}

static void keep(const struct person *people, size_t count, const char *path) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        load_fail("%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t row[PERSON_BYTES] = {0};
        memcpy(row, people[i].name.text, strlen(people[i].name.text));
        memcpy(row + NAME_MAX_BYTES, people[i].signing.bytes, 32);
        memcpy(row + NAME_MAX_BYTES + 32, people[i].cid, HASH_BYTES);
        if (fwrite(row, sizeof(row), 1, file) != 1) {
            load_fail("%s: cannot write", path);
        }
    }
    if (fclose(file) != 0) {
        load_fail("%s: cannot write", path);
    }
}

void people_register(struct load *load, const char *path, size_t count) {
    maker.people = calloc(count, sizeof(*maker.people));
    maker.count = count;
    if (maker.people == NULL) {
        load_fail("out of memory");
    }
    check(rsa_generate(&maker.rsa));
    for (size_t done = 0; done < count;) {
        size_t batch = count - done < AT_ONCE ? count - done : AT_ONCE;
        for (size_t i = 0; i < batch; i++) {
            link_connect(&load->links[done + i]);
        }
        while (load->ready < batch) {
            load_round(load, now_ns() + 1000000000);
        }
        for (size_t i = 0; i < batch; i++) {
            link_close(&load->links[done + i]);
        }
        done += batch;
    }
    keep(maker.people, count, path);
    rsa_private_clear(&maker.rsa);
}

void people_load(struct load *load, const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t row[PERSON_BYTES];
    if (file == NULL) {
        load_fail("%s: %s", path, strerror(errno));
    }
    load->people = calloc(load->link_count, sizeof(*load->people));
    if (load->people == NULL) {
        load_fail("out of memory");
    }
    while (load->people_count < load->link_count && fread(row, sizeof(row), 1, file) == 1) {
        struct person *person = &load->people[load->people_count++];
        size_t size = strnlen((const char *)row, NAME_MAX_BYTES);
        check(user_name_parse(bytes_make(row, size), &person->name));
        memcpy(person->signing.bytes, row + NAME_MAX_BYTES, 32);
        memcpy(person->cid, row + NAME_MAX_BYTES + 32, HASH_BYTES);
    }
    fclose(file);
}
