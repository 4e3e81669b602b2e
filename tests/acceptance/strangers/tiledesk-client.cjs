// Signs in as standard input asks for, with the client of the original system as npm installs it.
const { TiledeskClient } = require('@tiledesk/tiledesk-client');
const { readFileSync } = require('node:fs');

const { url, calls } = JSON.parse(readFileSync(0, 'utf8'));
const options = { APIURL: url };
const kinds = {
  anonymous: ({ project }, done) =>
    TiledeskClient.anonymousAuthentication(project, 'any key', options, done),
  custom: ({ token }, done) => TiledeskClient.customAuthentication(token, 'any key', options, done),
  password: ({ email, password }, done) =>
    TiledeskClient.authEmailPassword('any key', email, password, options, done),
};

const answer = (call) =>
  new Promise((resolve) => {
    kinds[call.kind](call, (error, body) => {
      resolve(error ? { status: error.response?.status, body: error.response?.data } : { body });
    });
  });

Promise.all(calls.map(answer)).then((answers) => console.log(JSON.stringify(answers)));
