#!/bin/sh
# SPDX-License-Identifier: ISC
#
# altered.sh TOOL FILE: a replay that agrees with everything proves nothing. Each field of FILE is altered in one
# place in turn, and TOOL has to end with 1 and name the place.
set -u
tool=$1
file=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

for field in aik_ed25519_sk aik_mldsa65_seed dsk_ed25519_sk dhk_x25519_sk dkk_mlkem768_seed cert cid \
    spk_x25519_sk lkk_mlkem768_seed prekey_set opk_x25519_sk okk_mlkem768_seed otk \
    ek_x25519_sk th sid dh1 dh2 dh3 dh4 ss_prekey ss_identity s_rsa prk rk0 hello \
    rk mk enc_key mac_key iv body wire dh_x25519_sk ek_mlkem768_seed ct ct_ss \
    auth_ct_rsa auth_s_rsa auth_ct_kem auth_ss_kem safety_number alice; do
    # The first digit behind the name: 0 becomes 1, any other 0. (In "devices" a name has no digits behind it.)
    sed -E "s/(\"$field\": \")0([0-9a-f])/\\1#\\2/; s/(\"$field\": \")[1-9a-f]([0-9a-f])/\\10\\2/; s/(\"$field\": \")#/\\11/" \
        "$file" >"$work/altered.json"
    if cmp -s "$file" "$work/altered.json"; then
        echo "altered: $field was not found in $file" >&2
        failed=1
        continue
    fi
    "$tool" replay "$work/altered.json" >"$work/out" 2>"$work/err"
    status=$?
    if [ "$status" != 1 ] || ! grep -q "altered.json: ..*: " "$work/err"; then
        echo "altered: $field altered, exit $status: $(cat "$work/err")" >&2
        failed=1
    fi
done
exit "$failed"
