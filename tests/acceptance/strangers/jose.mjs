// Signs what standard input asks for with the npm package jose.
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';

const wanted = JSON.parse(readFileSync(0, 'utf8'));
const tokens = await Promise.all(wanted.map(({ algorithm, kid, secret, claims }) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: algorithm, typ: 'JWT', ...(kid && { kid }) })
    .sign(new TextEncoder().encode(secret))));
console.log(JSON.stringify(tokens));
