/* SPDX-License-Identifier: ISC */
/* Every primitive against the public test vectors. They are not part of the repository: the
 * environment variable SOTTO_VECTORS names their directory, or they lie in ../shared/vectors beside
 * the checkout. Exit: 0 all agree, 1 not, 77 there are none (1 when CI=true). */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_SKIPPED = 77 };

#define OTHER_SETS "ML-KEM-512 and ML-KEM-1024"

static const struct suite suites[] = {
    {.file = "wycheproof/hmac_sha256_test.json",
     .cases = 174,
     .run = 87,
     .run_case = run_hmac,
     .not_applicable = "tags cut to 128 bits"},
    {.file = "wycheproof/hkdf_sha256_test.json", .cases = 86, .run = 86, .run_case = run_hkdf},
    {.file = "wycheproof/aes_cbc_pkcs5_test.json",
     .cases = 216,
     .run = 72,
     .run_case = run_cbc,
     .not_applicable = "AES-128 and AES-192"},
    {.file = "wycheproof/x25519_test.json", .cases = 518, .run = 518, .run_case = run_x25519},
    {.file = "wycheproof/ed25519_test.json", .cases = 151, .run = 151, .run_case = run_ed25519},
    {.file = "wycheproof/rsa_oaep_2048_sha256_mgf1sha256_test.json",
     .cases = 37,
     .run = 37,
     .run_case = run_rsa_oaep},
    {.file = "wycheproof/mlkem_768_keygen_seed_test.json",
     .cases = 100,
     .run = 100,
     .run_case = run_kem_keygen},
    {.file = "wycheproof/mlkem_768_encaps_test.json",
     .cases = 265,
     .run = 265,
     .run_case = run_kem_encapsulate},
    {.file = "wycheproof/mlkem_768_test.json",
     .cases = 193,
     .run = 193,
     .run_case = run_kem_decapsulate},
    {.file = "wycheproof/mlkem_768_semi_expanded_decaps_test.json",
     .cases = 9,
     .run = 9,
     .run_case = run_kem_expanded},
    {.file = "wycheproof/mldsa_65_verify_test.json",
     .cases = 210,
     .run = 210,
     .run_case = run_mldsa_verify},
    {.file = "wycheproof/mldsa_65_sign_seed_test.json",
     .cases = 105,
     .run = 105,
     .run_case = run_mldsa_sign},
    {.file = "acvp/ML-KEM-keyGen-FIPS203.prompt.json",
     .results = "acvp/ML-KEM-keyGen-FIPS203.expectedResults.json",
     .cases = 75,
     .run = 25,
     .run_case = run_acvp_keygen,
     .not_applicable = OTHER_SETS},
    {.file = "acvp/ML-KEM-encapDecap-FIPS203.prompt.json",
     .results = "acvp/ML-KEM-encapDecap-FIPS203.expectedResults.json",
     .cases = 165,
     .run = 55,
     .run_case = run_acvp_encap_decap,
     .not_applicable = OTHER_SETS},
};

static const char *find_directory(void) {
    struct stat status;
    const char *named = secure_getenv("SOTTO_VECTORS");
    const char *directory = named != NULL && named[0] != '\0' ? named : SOTTO_VECTORS_BESIDE;
    return stat(directory, &status) == 0 && S_ISDIR(status.st_mode) ? directory : NULL;
}

int main(void) {
    const char *directory = find_directory();
    const char *ci = secure_getenv("CI");
    unsigned failed = 0;
    if (directory == NULL) {
        bool must = ci != NULL && strcmp(ci, "true") == 0;
        printf("%s: no test vectors (SOTTO_VECTORS names their directory)\n",
               must ? "FAILED" : "SKIPPED");
        return must ? EXIT_FAILURE : EXIT_SKIPPED;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        failed += suite_run(&suites[i], directory) ? 0 : 1;
    }
    printf("%zu files, %u failed\n", sizeof(suites) / sizeof(suites[0]), failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
