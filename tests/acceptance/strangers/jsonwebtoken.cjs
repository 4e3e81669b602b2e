// Signs what standard input asks for with the npm package jsonwebtoken.
const jsonwebtoken = require('jsonwebtoken');

const wanted = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const tokens = wanted.map(({ algorithm, kid, secret, claims }) => {
  // By itself it adds `iat`; told not to, it takes away one that is there.
  const noTimestamp = !('iat' in claims);
  return jsonwebtoken.sign(claims, secret, { algorithm, noTimestamp, ...(kid && { keyid: kid }) });
});
console.log(JSON.stringify(tokens));
