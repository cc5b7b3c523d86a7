// One step with acme-client, which keeps its keys and the account's URL in FOLDER:
//   node client.js DIRECTORY HTTP01_PORT FOLDER issue NAME ...   -> cert.pem, key.pem
//   node client.js DIRECTORY HTTP01_PORT FOLDER revoke PEM_FILE REASON
//   node client.js DIRECTORY HTTP01_PORT FOLDER deactivate
const fs = require('fs');
const http = require('http');
const path = require('path');
const { createRequire } = require('module');

const acme = createRequire(path.join(process.env.NODE_MODULES, 'x'))('acme-client');

const [directoryUrl, port, folder, command, ...rest] = process.argv.slice(2);
const file = (name) => path.join(folder, name);

async function open() {
    if (!fs.existsSync(file('account.pem'))) {
        fs.writeFileSync(file('account.pem'), await acme.crypto.createPrivateEcdsaKey());
    }
    const accountUrl = fs.existsSync(file('account.url')) ? fs.readFileSync(file('account.url'), 'utf8') : undefined;
    return new acme.Client({ directoryUrl, accountKey: fs.readFileSync(file('account.pem')), accountUrl });
}

async function issue(client, names) {
    const answers = new Map();
    const server = http.createServer((request, response) => {
        const answer = answers.get(path.basename(request.url));
        response.writeHead(answer === undefined ? 404 : 200);
        response.end(answer);
    });
    await new Promise((resolve) => { server.listen(Number(port), '127.0.0.1', resolve); });
    const [key, csr] = await acme.crypto.createCsr({ altNames: names }, await acme.crypto.createPrivateEcdsaKey());
    const certificate = await client.auto({
        csr,
        termsOfServiceAgreed: true,
        skipChallengeVerification: true, // it would ask port 80
        challengePriority: ['http-01'],
        challengeCreateFn: async (authz, challenge, keyAuthorization) => { answers.set(challenge.token, keyAuthorization); },
        challengeRemoveFn: async (authz, challenge) => { answers.delete(challenge.token); },
    });
    fs.writeFileSync(file('cert.pem'), certificate);
    fs.writeFileSync(file('key.pem'), key);
    server.close();
    server.closeAllConnections?.();
}

async function main() {
    const client = await open();
    if (command === 'issue') {
        await issue(client, rest);
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
