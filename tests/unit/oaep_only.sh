#!/bin/sh
# SPDX-License-Identifier: ISC
#
# oaep_only.sh SRC: in the sources below SRC, RSA is used with OAEP padding only, and only in src/crypto/rsa_oaep.c. No
# other padding is named anywhere (PKCS#1 v1.5, none, PSS, X9.31), by constant, control string or parameter, and none of
# OpenSSL's older RSA calls, which have a padding of their own. Prints what breaks the rule; exit 1 then.
src=$1
status=0

broken() { # PATTERN WHY [ALLOWED FILE]: lines outside of the allowed file
    if [ -n "${3-}" ]; then
        found=$(grep -rnE "$1" "$src" --include='*.c' --include='*.h' | grep -v "^$src/$3:")
    else
        found=$(grep -rnE "$1" "$src" --include='*.c' --include='*.h')
    fi
    if [ -n "$found" ]; then
        printf '%s:\n%s\n' "$2" "$found" >&2
        status=1
    fi
}

broken 'RSA_(PKCS1|NO|PKCS1_PSS|X931|SSLV23|PKCS1_WITH_TLS)_PADDING' 'another padding than OAEP'
broken 'RSA_PKCS1_OAEP_PADDING|EVP_PKEY_CTX_set_rsa_padding' 'a padding is set in another file' crypto/rsa_oaep.c
broken 'RSA_(public|private)_(en|de)crypt|RSA_(sign|verify)|RSA_padding_' 'an RSA call with a padding of its own'
broken 'PKEY_PARAM_PAD_MODE|rsa_padding_mode|"pad-mode"|PAD_MODE_' 'a padding by name'
broken 'EVP_PKEY_(en|de)crypt(_init)?[ (]' 'an RSA operation in another file' crypto/rsa_oaep.c
broken 'EVP_(Seal|Open)Init|CMS_encrypt|PKCS7_encrypt' 'an envelope of OpenSSL'

# In the one file: each operation that begins sets the padding before anything else.
file=$src/crypto/rsa_oaep.c
begun=$(grep -cE 'EVP_PKEY_(en|de)crypt_init\(context\) == 1' "$file")
set=$(tr -d '\n' <"$file" | grep -oE 'crypt_init\(context\) == 1 &&[ ]*set_oaep\(context, label\)' | grep -c .)
count=$(grep -c 'EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING)' "$file")
if [ "$begun" -lt 2 ] || [ "$begun" != "$set" ] || [ "$count" != 1 ]; then
    echo "$file: $begun operations begin, $set set OAEP at once, the padding is named $count times" >&2
    status=1
fi
exit "$status"
