#!/usr/bin/env bash
# Signs with nothing but bash and openssl. Reads four lines for each token: algorithm, secret,
# header and claims, both as JSON. Writes one token a line.
set -euo pipefail

part() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

while read -r algorithm && read -r secret && read -r header && read -r claims; do
    signed="$(printf %s "$header" | part).$(printf %s "$claims" | part)"
    printf %s "$signed." # the signature follows on the same line
    printf %s "$signed" | openssl dgst "-sha${algorithm#HS}" -hmac "$secret" -binary | part
    echo
done
