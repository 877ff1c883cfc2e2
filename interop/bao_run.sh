#!/usr/bin/env bash
# Drives a fresh, uninitialised server through the command line of OpenBao.
#   bao_run.sh URL [--oracle]     --oracle: the server is an OpenBao, which has to be told to mount transit
# Each function below is one check and its name is what the line says. Secrets stay in files that are removed at exit.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export BAO_ADDR=${1:?usage: bao_run.sh URL [--oracle]}
oracle=${2:-}
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work # the client keeps tokens in its home

bao() {
    "$here/.venv/bin/bao" "$@"
}

# status CODE COMMAND… — the command must end with this code.
status() {
    local wanted=$1 got=0
    shift
    "$@" || got=$?
    [ "$got" -eq "$wanted" ] || { echo "exit code $got instead of $wanted" >&2; return 1; }
}

# refused TEXT COMMAND… — the command must end with code 2 and say TEXT.
refused() {
    local text=$1
    shift
    status 2 "$@" > "$work/refusal" 2>&1 && grep -q -- "$text" "$work/refusal"
}

# field NAME — one field of the JSON on standard input, lists one entry a line.
field() {
    "$here/.venv/bin/python" -c '
import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(*value, sep="\n") if isinstance(value, list) else print(value)' "$1"
}

unseal_with() {
    local n
    for n in "$@"; do
        bao operator unseal "$(sed -n "${n}p" "$work/shares")"
    done
    # OpenBao is on standby for a moment.
    for n in $(seq 200); do
        curl -sf -o "$work/health" "$BAO_ADDR/v1/sys/health" && return
        sleep 0.1
    done
    return 1
}

key_field() {
    bao read -field="$2" "transit/keys/$1"
}

status_of_an_uninitialised_server() {
    status 2 bao status
    refused 'not initialized' bao operator unseal "$(printf '%066d' 0)"
}

init_gives_five_shares() {
    bao operator init -key-shares=5 -key-threshold=3 -format=json > "$work/init"
    field unseal_keys_b64 < "$work/init" > "$work/shares"
    field root_token < "$work/init" | tr -d '\n' > "$work/token"
    [ "$(wc -l < "$work/shares")" -eq 5 ]
    status 0 bao operator init -status
    refused 'already initialized' bao operator init -key-shares=1 -key-threshold=1
}

sealed_server_does_nothing() {
    status 2 bao status
    refused 'sealed' bao list transit/keys
}

three_shares_unseal() {
    bao operator unseal -format=json "$(head -n 1 "$work/shares")" > "$work/progress"
    [ "$(field progress < "$work/progress")" = 1 ]
    unseal_with 2 3
    status 0 bao status
}

token_looks_itself_up() {
    [ "$(bao token lookup -field=path)" = auth/token/root ]
    [ "$(bao token lookup -field=policies)" = '[root]' ]
}

a_wrong_token_is_refused() {
    BAO_TOKEN=s.000000000000000000000000 refused 'permission denied' bao list transit/keys
}

transit_is_mounted() {
    [ -z "$oracle" ] || bao secrets enable transit
    bao secrets list > "$work/mounts"
    grep -q '^transit/' "$work/mounts"
}

listing_nothing_says_so() {
    refused 'No value found' bao list transit/keys
}

write_makes_keys() {
    bao write -f transit/keys/x
    bao write transit/keys/ed type=ed25519
    bao write transit/keys/p256 type=ecdsa-p256
    [ "$(key_field x type)" = aes256-gcm96 ]
    [ "$(key_field p256 type)" = ecdsa-p256 ]
}

list_shows_keys() {
    bao list -format=json transit/keys > "$work/list"
    tr -d ' \n' < "$work/list" | grep -qxF '["ed","p256","x"]'
}

reading_an_unknown_key_says_so() {
    refused 'No value found' bao read transit/keys/none
}

encrypted_comes_back() {
    bao write -field=ciphertext transit/encrypt/x plaintext=aGVsbG8= associated_data=YWFk > "$work/ciphertext"
    grep -q '^vault:v1:' "$work/ciphertext"
    [ "$(bao write -field=plaintext transit/decrypt/x ciphertext=@"$work/ciphertext" associated_data=YWFk)" = aGVsbG8= ]
    refused 'Code: 400' bao write transit/decrypt/x ciphertext=@"$work/ciphertext"
}

rotated_key_opens_the_old() {
    bao write -f transit/keys/x/rotate
    [ "$(key_field x latest_version)" = 2 ]
    [ "$(bao write -field=plaintext transit/decrypt/x ciphertext=@"$work/ciphertext" associated_data=YWFk)" = aGVsbG8= ]
    bao write -field=ciphertext transit/encrypt/x plaintext=aGVsbG8= > "$work/second"
    grep -q '^vault:v2:' "$work/second"
}

rewrap_moves_to_the_latest() {
    bao write -field=ciphertext transit/encrypt/x plaintext=aGVsbG8= key_version=1 > "$work/first"
    bao write -field=ciphertext transit/rewrap/x ciphertext=@"$work/first" > "$work/rewrapped"
    grep -q '^vault:v2:' "$work/rewrapped"
}

min_decryption_version_is_enforced() {
    bao write transit/keys/x/config min_decryption_version=2
    refused 'Code: 400' bao write transit/decrypt/x ciphertext=@"$work/first"
    bao write transit/keys/x/config min_decryption_version=1
    bao write transit/decrypt/x ciphertext=@"$work/first"
}

signature_verifies() {
    local key
    for key in ed p256; do
        bao write -field=signature "transit/sign/$key" input=aGVsbG8= > "$work/signature"
        [ "$(bao write -field=valid "transit/verify/$key" input=aGVsbG8= signature=@"$work/signature")" = true ]
        [ "$(bao write -field=valid "transit/verify/$key" input=b3RoZXI= signature=@"$work/signature")" = false ]
    done
}

every_kind_does_what_it_does() {
    local kind
    for kind in aes128-gcm96 chacha20-poly1305 xchacha20-poly1305 rsa-2048; do
        bao write "transit/keys/k-$kind" type="$kind"
        bao write -field=ciphertext "transit/encrypt/k-$kind" plaintext=aGVsbG8= > "$work/of_kind"
        [ "$(bao write -field=plaintext "transit/decrypt/k-$kind" ciphertext=@"$work/of_kind")" = aGVsbG8= ]
    done
    for kind in ecdsa-p384 ecdsa-p521; do
        bao write "transit/keys/k-$kind" type="$kind"
        bao write -field=signature "transit/sign/k-$kind" input=aGVsbG8= hash_algorithm=sha3-512 > "$work/of_kind"
        [ "$(bao write -field=valid "transit/verify/k-$kind" input=aGVsbG8= hash_algorithm=sha3-512 \
            signature=@"$work/of_kind")" = true ]
    done
    bao write transit/keys/k-hmac type=hmac key_size=32
    for kind in hmac rsa-2048 ecdsa-p521; do
        bao write -field=hmac "transit/hmac/k-$kind" input=aGVsbG8= > "$work/of_kind"
        [ "$(bao write -field=valid "transit/verify/k-$kind" input=aGVsbG8= hmac=@"$work/of_kind")" = true ]
    done
}

derived_keys_need_their_context() {
    bao write transit/keys/derived derived=true
    bao write -field=ciphertext transit/encrypt/derived plaintext=aGVsbG8= context=dXNlcg== > "$work/derived"
    [ "$(bao write -field=plaintext transit/decrypt/derived ciphertext=@"$work/derived" context=dXNlcg==)" = aGVsbG8= ]
    refused 'Code: 400' bao write transit/decrypt/derived ciphertext=@"$work/derived" context=b3RoZXI=
}

data_keys_random_bytes_and_hashes_come() {
    bao write -field=plaintext -f transit/datakey/plaintext/x | grep -q '^[A-Za-z0-9+/]\{43\}=$'
    bao write -field=random_bytes transit/random/16 format=hex | grep -q '^[0-9a-f]\{32\}$'
    [ "$(bao write -field=sum transit/hash/sha2-256 input=YWJj)" = \
        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ]
}

# make_key KIND FILE — a fresh key outside, in base64.
make_key() {
    "$here/.venv/bin/python" "$here/key_material.py" "$1" > "$2"
}

# is_key VERSION FILE — whether this version in the answer on standard input is the key in FILE.
is_key() {
    "$here/.venv/bin/python" "$here/key_material.py" --same "$1" "$2"
}

imported_keys_work_and_go_out_as_they_came() {
    local kind what
    for kind in aes256-gcm96 rsa-2048 ecdsa-p256; do
        what=signing-key
        [ "$kind" != aes256-gcm96 ] || what=encryption-key
        make_key "$kind" "$work/key1"
        make_key "$kind" "$work/key2"
        bao transit import "transit/keys/in-$kind" @"$work/key1" type="$kind" exportable=true
        [ "$(key_field "in-$kind" imported_key)" = true ]
        bao transit import-version "transit/keys/in-$kind" @"$work/key2"
        [ "$(key_field "in-$kind" latest_version)" = 2 ]
        bao read -format=json "transit/export/$what/in-$kind" > "$work/exported"
        is_key 1 "$work/key1" < "$work/exported"
        is_key 2 "$work/key2" < "$work/exported"
    done
    bao write -field=ciphertext transit/encrypt/in-aes256-gcm96 plaintext=aGVsbG8= > "$work/of_imported"
    [ "$(bao write -field=plaintext transit/decrypt/in-aes256-gcm96 ciphertext=@"$work/of_imported")" = aGVsbG8= ]
    bao write -field=signature transit/sign/in-ecdsa-p256 input=aGVsbG8= > "$work/of_imported"
    [ "$(bao write -field=valid transit/verify/in-ecdsa-p256 input=aGVsbG8= signature=@"$work/of_imported")" = true ]
}

an_import_does_not_replace_a_key() {
    make_key aes256-gcm96 "$work/key1"
    status 3 bao transit import transit/keys/in-aes256-gcm96 @"$work/key1"
    status 3 bao transit import-version transit/keys/x @"$work/key1"
    status 3 bao transit import-version transit/keys/none @"$work/key1"
    [ "$(key_field in-aes256-gcm96 latest_version)" = 2 ]
}

a_backup_comes_back() {
    bao write transit/keys/kept exportable=true allow_plaintext_backup=true
    bao write -field=ciphertext transit/encrypt/kept plaintext=aGVsbG8= > "$work/kept"
    bao read -field=backup transit/backup/kept > "$work/backup"
    bao write transit/keys/kept/config deletion_allowed=true
    bao delete transit/keys/kept
    bao write transit/restore backup=@"$work/backup"
    [ "$(bao write -field=plaintext transit/decrypt/kept ciphertext=@"$work/kept")" = aGVsbG8= ]
}

a_soft_deleted_key_comes_back() {
    bao delete transit/keys/derived/soft-delete
    refused 'Code: 400' bao write transit/encrypt/derived plaintext=aGVsbG8= context=dXNlcg==
    bao write -f transit/keys/derived/soft-delete-restore
    bao write transit/encrypt/derived plaintext=aGVsbG8= context=dXNlcg==
}

delete_waits_until_allowed() {
    refused 'Code: 400' bao delete transit/keys/x
    bao write transit/keys/x/config deletion_allowed=true
    bao delete transit/keys/x
    refused 'No value found' bao read transit/keys/x
}

barrier_rotates() {
    bao write -f sys/rotate
    [ "$(key_field ed latest_version)" = 1 ]
}

seal_ends_everything() {
    bao operator seal
    status 2 bao status
    refused 'sealed' bao read transit/keys/ed
}

other_shares_bring_everything_back() {
    unseal_with 3 4 5
    [ "$(key_field ed type)" = ed25519 ]
}

passed=0 failed=0
check() {
    # The subshell stands alone, not in a condition, so that -e holds inside the check. BASH_COMMAND is not expanded.
    (set -eE; trap 'echo "at: $BASH_COMMAND" >&2' ERR; "$1") < /dev/null > "$work/output" 2> "$work/errors"
    if [ $? -eq 0 ]; then
        echo "ok   ${1//_/ }"
        passed=$((passed + 1))
    else
        echo "FAIL ${1//_/ }"
        grep -v '^$' "$work/errors" | tail -n 3 | sed 's/^/     /'
        failed=$((failed + 1))
    fi
}

check status_of_an_uninitialised_server
check init_gives_five_shares
check sealed_server_does_nothing
check three_shares_unseal
BAO_TOKEN=$(cat "$work/token" 2> /dev/null)
export BAO_TOKEN
for name in token_looks_itself_up a_wrong_token_is_refused transit_is_mounted listing_nothing_says_so write_makes_keys \
    list_shows_keys reading_an_unknown_key_says_so encrypted_comes_back rotated_key_opens_the_old \
    rewrap_moves_to_the_latest min_decryption_version_is_enforced signature_verifies every_kind_does_what_it_does \
    derived_keys_need_their_context data_keys_random_bytes_and_hashes_come \
    imported_keys_work_and_go_out_as_they_came an_import_does_not_replace_a_key a_backup_comes_back \
    a_soft_deleted_key_comes_back delete_waits_until_allowed \
    barrier_rotates seal_ends_everything other_shares_bring_everything_back; do
    check "$name"
done
echo "bao: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
