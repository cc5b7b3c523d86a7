// One step with acme-client, which keeps its keys and the account's URL in FOLDER:
//   node client.js DIRECTORY FOLDER issue METHOD WHERE NAME ...   -> cert.pem, key.pem
//   node client.js DIRECTORY FOLDER revoke PEM_FILE REASON
//   node client.js DIRECTORY FOLDER deactivate
// WHERE is the port at which this answers, for dns-01 a program: WHERE add|delete NAME VALUE.
const { execFileSync } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');
const tls = require('tls');
const { createRequire } = require('module');

const acme = createRequire(path.join(process.env.NODE_MODULES, 'x'))('acme-client');

const [directoryUrl, folder, command, ...rest] = process.argv.slice(2);
const file = (name) => path.join(folder, name);

async function open() {
    if (!fs.existsSync(file('account.pem'))) {
        fs.writeFileSync(file('account.pem'), await acme.crypto.createPrivateEcdsaKey());
    }
    const accountUrl = fs.existsSync(file('account.url')) ? fs.readFileSync(file('account.url'), 'utf8') : undefined;
    return new acme.Client({ directoryUrl, accountKey: fs.readFileSync(file('account.pem')), accountUrl });
}

async function listening(server, port) {
    await new Promise((resolve) => { server.listen(Number(port), '127.0.0.1', resolve); });
    return server;
}

// How each method shows a key authorization: show and hide, and close where there is a server.
const methods = {
    'http-01': async (port) => {
        const answers = new Map();
        const server = await listening(http.createServer((request, response) => {
            const answer = answers.get(path.basename(request.url));
            response.writeHead(answer === undefined ? 404 : 200);
            response.end(answer);
        }), port);
        return {
            show: async (authz, challenge, keyAuthorization) => { answers.set(challenge.token, keyAuthorization); },
            hide: async (authz, challenge) => { answers.delete(challenge.token); },
            close: () => { server.close(); server.closeAllConnections?.(); },
        };
    },
    'dns-01': async (program) => {
        const update = (verb, authz, digest) => execFileSync(program, [verb, authz.identifier.value, digest]);
        return {
            show: async (authz, challenge, digest) => update('add', authz, digest),
            hide: async (authz, challenge, digest) => update('delete', authz, digest),
            close: () => {},
        };
    },
    'tls-alpn-01': async (port) => {
        const contexts = new Map();
        const server = await listening(tls.createServer({
            ALPNProtocols: ['acme-tls/1'],
            SNICallback: (name, found) => found(null, contexts.get(name)),
        }), port);
        server.on('tlsClientError', () => {});
        return {
            show: async (authz, challenge, keyAuthorization) => {
                const [key, cert] = await acme.crypto.createAlpnCertificate(authz, keyAuthorization);
                contexts.set(authz.identifier.value, tls.createSecureContext({ key, cert }));
            },
            hide: async (authz) => { contexts.delete(authz.identifier.value); },
            close: () => server.close(),
        };
    },
};

async function issue(client, method, where, names) {
    const responder = await methods[method](where);
    const [key, csr] = await acme.crypto.createCsr({ altNames: names }, await acme.crypto.createPrivateEcdsaKey());
    const certificate = await client.auto({
        csr,
        termsOfServiceAgreed: true,
        skipChallengeVerification: true, // it would ask ports and resolvers of the world
        challengePriority: [method],
        challengeCreateFn: responder.show,
        challengeRemoveFn: responder.hide,
    });
    fs.writeFileSync(file('cert.pem'), certificate);
    fs.writeFileSync(file('key.pem'), key);
    responder.close();
}

async function main() {
    const client = await open();
    if (command === 'issue') {
        const [method, where, ...names] = rest;
        await issue(client, method, where, names);
    } else if (command === 'revoke') {
        await client.revokeCertificate(fs.readFileSync(rest[0]), { reason: Number(rest[1]) });
    } else {
        await client.updateAccount({ status: 'deactivated' });
    }
    fs.writeFileSync(file('account.url'), client.getAccountUrl());
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
