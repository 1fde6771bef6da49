// SPDX-License-Identifier: GPL-3.0-or-later
//
// tuf-repositories MODULES HEADER NAME INTO - repositories that somebody else's library writes, one below INTO for each case,
// which all list the header in the file HEADER as NAME; some are strange, and some are wrong. On standard output, as JSON:
// {case: what a client makes of it}, "good" or the reason.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const [modules, headerFile, NAME, into] = process.argv.slice(2);
const { Key, Root, Timestamp, Snapshot, Targets, MetaFile, TargetFile } =
	require(modules + '/node_modules/@tufjs/models');
const { Role, DelegatedRole } = require(modules + '/node_modules/@tufjs/models/dist/role.js');
const { Delegations } = require(modules + '/node_modules/@tufjs/models/dist/delegations.js');
const { canonicalize } = require(modules + '/node_modules/@tufjs/canonical-json');
const header = fs.readFileSync(headerFile);
const hex = (algorithm, bytes) => crypto.createHash(algorithm).update(bytes).digest('hex');
const later = (days) => new Date(Date.now() + days * 86400000).toISOString().replace(/\.\d+Z/, 'Z');

// ---- Keys: {id, key (of the models), sign(bytes)}
function named(pair, keytype, scheme, text, how, id) {
	const key = new Key({ keyID: 'x', keyType: keytype, scheme, keyVal: { public: text } });
	id = id || hex('sha256', canonicalize(key.toJSON()));
	return { id, pair, key: new Key({ keyID: id, keyType: keytype, scheme, keyVal: { public: text } }),
		sign: (bytes) => crypto.sign(how.digest, bytes, { key: pair.privateKey, ...how.options }).toString('hex') };
}
const spki = (pair) => pair.publicKey.export({ type: 'spki', format: 'pem' });
const raw = (pair) => pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
function ed25519(id) {
	const pair = crypto.generateKeyPairSync('ed25519');
	return named(pair, 'ed25519', 'ed25519', raw(pair), { digest: null }, id);
}
const ec = (curve = 'P-256') => crypto.generateKeyPairSync('ec', { namedCurve: curve });
const ecdsa = (pair = ec(), type = 'ecdsa', text = spki(pair)) => named(pair, type, 'ecdsa-sha2-nistp256', text, { digest: 'sha256' });
function rsa(bits = 2048, salt = crypto.constants.RSA_PSS_SALTLEN_DIGEST) {
	const pair = crypto.generateKeyPairSync('rsa', { modulusLength: bits });
	return named(pair, 'rsa', 'rsassa-pss-sha256', spki(pair), { digest: 'sha256', options: { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: salt } });
}
function compressed(pair) {
	const point = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x, 'base64url');
	const y = Buffer.from(pair.publicKey.export({ format: 'jwk' }).y, 'base64url');
	const prefix = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
	const der = Buffer.concat([prefix, Buffer.from([2 + (y[31] & 1)]), point]);
	return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

// ---- Documents
const SPEC = '1.0.31';
const K = { root: ed25519(), targets: ed25519(), online: ed25519(), type: ed25519() };
const byID = (keys) => Object.fromEntries(keys.map((k) => [k.id, k.key]));
const role = (keys, threshold = 1) => new Role({ keyIDs: keys.map((k) => k.id), threshold });
const signed = (content, keys) => ({ signatures: keys.map((k) => ({ keyid: k.id, sig: k.sign(Buffer.from(canonicalize(content))) })), signed: content });
const bytes = (document) => Buffer.from(typeof document === 'string' ? document : JSON.stringify(document));
const options = (version, days, more) => ({ version, specVersion: SPEC, expires: later(days), ...more });
const target = (hashes = { sha256: hex('sha256', header) }, more) => new TargetFile({ path: NAME, length: header.length, hashes, unrecognizedFields: more || {} });
const delegated = (name, keys, more) => new DelegatedRole({ name, keyIDs: keys.map((k) => k.id), threshold: 1, terminating: true, paths: ['h;t=t;*'], ...more });
const list = (document, version = 1) => new MetaFile({ version, length: bytes(document).length, hashes: { sha256: hex('sha256', bytes(document)) } }).toJSON();

// c: what differs from a plain repository. Functions get the signed content and change it; `after` gets the document.
function build(c = {}) {
	const who = { root: [K.root], targets: [K.targets], snapshot: [K.online], timestamp: [K.online], type: [K.type], ...c.keys };
	const files = {};
	const make = (name, content, keys) => {
		const json = content.toJSON ? content.toJSON() : content;
		((c.change || {})[name] || (() => undefined))(json);
		const document = signed(json, (c.signers || {})[name] || keys);
		return ((c.after || {})[name] || ((d) => d))(document);
	};
	const thresholds = { root: 1, targets: 1, snapshot: 1, timestamp: 1, ...c.thresholds };
	const root = (version) => make('root', new Root(options(version, 365, { consistentSnapshot: true, keys: byID(Object.values(who).flat()),
		roles: Object.fromEntries(['root', 'targets', 'snapshot', 'timestamp'].map((r) => [r, role(who[r], thresholds[r])])) })), who.root);
	for (let v = 1; v <= (c.roots || 1); v++)
		files[`${v}.root.json`] = root(v);
	const roles = c.roles || { 't-t': { keys: who.type, targets: [target()] } };
	const names = Object.keys(roles);
	const delegations = (ones) => new Delegations({ keys: byID(ones.flatMap((n) => roles[n].keys)),
		roles: Object.fromEntries(ones.map((n) => [n, delegated(n, roles[n].keys, roles[n].how)])) });
	const targets = (version, content, below) => new Targets(options(version, 90, { targets: Object.fromEntries((content || []).map((t) => [t.path, t])),
		delegations: below && below.length ? delegations(below) : undefined }));
	files['1.targets.json'] = make('targets', targets(1, c.top, c.below || names), who.targets);
	const meta = { 'targets.json': list(files['1.targets.json']) };
	for (const n of names) {
		files[`1.${encodeURIComponent(n)}.json`] = make(n, targets(1, roles[n].targets, roles[n].below), roles[n].signers || roles[n].keys);
		meta[n + '.json'] = list(files[`1.${encodeURIComponent(n)}.json`]);
	}
	const snapshot = new Snapshot(options(1, 30)).toJSON();
	snapshot.meta = meta;
	files['1.snapshot.json'] = make('snapshot', snapshot, who.snapshot);
	const timestamp = new Timestamp(options(1, 3)).toJSON();
	timestamp.meta = { 'snapshot.json': list(files['1.snapshot.json']) };
	files['timestamp.json'] = make('timestamp', timestamp, who.timestamp);
	return files;
}

const type = (how, more = {}) => ({ 't-t': { keys: [K.type], targets: [target()], how, ...more } });
function chain(count, end = [target()]) {
	const roles = {};
	for (let i = 0; i < count; i++)
		roles['r' + i] = { keys: [K.type], below: i + 1 < count ? ['r' + (i + 1)] : undefined, targets: i + 1 < count ? [] : end };
	return { roles, below: ['r0'] };
}
const text = (act) => (document) => act(JSON.stringify(document));
const pair = ec();
const forms = [ecdsa(pair), ecdsa(pair, 'ecdsa', compressed(pair))];
const twoIDs = (k) => [k, { ...k, id: 'another', key: new Key({ keyID: 'another', keyType: k.key.keyType, scheme: k.key.scheme, keyVal: k.key.keyVal }) }];
let deep = {};
for (let i = 0; i < 20; i++)
	deep = { deep };

const CASES = {
	'plain': ['good', {}],
	'ecdsa everywhere': ['good', { keys: { root: [ecdsa()], targets: [ecdsa()], snapshot: [ecdsa()], timestamp: [ecdsa()], type: [ecdsa()] } }],
	'ecdsa by its older keytype': ['good', { keys: { timestamp: [ecdsa(ec(), 'ecdsa-sha2-nistp256')] } }],
	'rsa': ['good', { keys: { root: [rsa()], timestamp: [rsa(3072)] } }],
	'rsa with another salt': ['good', { keys: { timestamp: [rsa(2048, 20)] } }],
	'two of three, of all kinds': ['good', { keys: { root: [ed25519(), ecdsa(), rsa()] }, thresholds: { root: 2 } }],
	'ids that are no digests': ['good', { keys: { timestamp: [ed25519('the one that is online')] } }],
	'a key of an unknown scheme beside it': ['good', { change: { root: (s) => { s.keys.odd = { keytype: 'sphincs', scheme: 'sphincs-shake-128s', keyval: { public: 'x' } }; s.roles.timestamp.keyids.push('odd'); } } }],
	'members that nobody knows': ['good', { change: { root: (s) => { s.odd = [1, { a: null }]; }, timestamp: (s) => { s.odd = true; }, 't-t': (s) => { s.targets[NAME].odd = {}; } } }],
	'control characters in a text': ['good', { change: { timestamp: (s) => { s.odd = 'a\u0001\u007f\u2028"\\/\t'; } } }],
	'ten roots': ['good', { roots: 10 }],
	'a role that leaves it to another one': ['good', chain(2)],
	'a chain of thirty roles': ['good', chain(30)],
	'a delegation by the digest of the path': ['good', { roles: type({ paths: undefined, pathHashPrefixes: [hex('sha256', NAME).slice(0, 2)] }) }],
	'a pattern with a ?': ['good', { roles: type({ paths: ['h;t=?;*'] }) }],
	'a list without lengths and digests': ['good', { change: { snapshot: (s) => { for (const m of Object.values(s.meta)) { delete m.length; delete m.hashes; } }, timestamp: (s) => { delete s.meta['snapshot.json'].length; delete s.meta['snapshot.json'].hashes; } } }],
	'a target by SHA-512 alone': ['good', { roles: type({}, { targets: [target({ sha512: hex('sha512', header) })] }) }],
	'a target that no type lists': ['good', { roles: {}, top: [target()] }],
	'a role with a name that is no file\'s': ['good', { roles: { '../t t/ö': { keys: [K.type], targets: [target()] } } }],
	'the year 9999': ['good', { change: { timestamp: (s) => { s.expires = '9999-12-31T23:59:59Z'; } } }],
	'one key in two forms, of which one has to sign': ['good', { keys: { timestamp: forms } }],

	'one key in two forms, of which two have to sign': ['unsigned', { keys: { timestamp: forms }, thresholds: { timestamp: 2 } }],
	'one key under two ids': ['unsigned', { keys: { timestamp: twoIDs(ed25519()) }, thresholds: { timestamp: 2 } }],
	'rsa of 1,024 bits': ['unsigned', { keys: { timestamp: [rsa(1024)] } }],
	'another curve': ['unsigned', { keys: { timestamp: [ecdsa(ec('P-384'))] } }],
	'signed by the delegator': ['unsigned', { roles: type({}, { signers: [K.targets] }) }],
	'signed by the key of another role': ['unsigned', { signers: { snapshot: [K.targets] } }],
	'a signature that is no hex digits': ['unsigned', { after: { timestamp: (d) => { d.signatures[0].sig = 'zz'; return d; } } }],
	'a threshold of 0': ['malformed', { change: { targets: (s) => { s.delegations.roles[0].threshold = 0; } } }],
	'two signatures under one id': ['malformed', { after: { timestamp: (d) => { d.signatures.push(d.signatures[0]); return d; } } }],
	'a version that is a text': ['malformed', { change: { timestamp: (s) => { s.version = '1'; } } }],
	'a version that is not whole': ['malformed', { after: { timestamp: text((t) => t.replace(/"version":1,"spec/, '"version":1.0,"spec').replace(/"version":1\b(?!\.)/, '"version":1.0')) } }],
	'a version below 1': ['malformed', { change: { timestamp: (s) => { s.version = 0; } } }],
	'another type of document': ['malformed', { change: { timestamp: (s) => { s._type = 'snapshot'; } } }],
	'a specification to come': ['malformed', { change: { timestamp: (s) => { s.spec_version = '2.0.0'; } } }],
	'a date that is none': ['malformed', { change: { timestamp: (s) => { s.expires = '2099-02-30T00:00:00Z'; } } }],
	'twenty levels': ['malformed', { change: { timestamp: (s) => { s.odd = deep; } } }],
	'a NUL in a text': ['malformed', { change: { timestamp: (s) => { s.odd = 'a\u0000b'; } } }],
	'a member twice': ['malformed', { after: { timestamp: text((t) => t.replace('"signed":{', '"signed":{"odd":1,"odd":2,')) } }],
	'no list of files': ['malformed', { change: { timestamp: (s) => { delete s.meta; } } }],
	'a negative length': ['malformed', { change: { timestamp: (s) => { s.meta['snapshot.json'].length = -1; } } }],
	'a timestamp that expired': ['expired', { change: { timestamp: (s) => { s.expires = later(-1); } } }],
	'a snapshot that expired': ['expired', { change: { snapshot: (s) => { s.expires = later(-1); } } }],
	'targets that expired': ['expired', { change: { targets: (s) => { s.expires = later(-1); } } }],
	'a role that expired': ['expired', { change: { 't-t': (s) => { s.expires = later(-1); } } }],
	'a root that expired': ['expired', { change: { root: (s) => { s.expires = later(-1); } } }],
	'a role of another version than is listed': ['mixed', { change: { snapshot: (s) => { delete s.meta['t-t.json'].hashes; delete s.meta['t-t.json'].length; }, 't-t': (s) => { s.version = 2; } } }],
	'a snapshot that is longer than is listed': ['mixed', { change: { timestamp: (s) => { s.meta['snapshot.json'].length -= 1; } } }],
	'a role with another digest': ['mixed', { change: { snapshot: (s) => { s.meta['t-t.json'].hashes.sha256 = hex('sha256', 'x'); } } }],
	'a role that the snapshot does not name': ['not-listed', { change: { snapshot: (s) => { delete s.meta['t-t.json']; } } }],
	'a role that lists it not': ['not-listed', { roles: type({}, { targets: [] }) }],
	'a pattern that does not fit': ['not-listed', { roles: type({ paths: ['h;t=u;*'] }) }],
	'a terminating role before it': ['not-listed', { roles: { first: { keys: [K.type], targets: [] }, 't-t': { keys: [K.type], targets: [target()] } } }],
	'roles in a circle': ['not-listed', { roles: { a: { keys: [K.type], below: ['b'], targets: [] }, b: { keys: [K.type], below: ['a'], targets: [] } }, below: ['a'] }],
	'a chain of forty roles': ['not-listed', chain(40)],
};

const expected = {};
Object.entries(CASES).forEach(([name, [said, c]], number) => {
	const where = `${into}/${number}`;
	fs.mkdirSync(where, { recursive: true });
	for (const [file, document] of Object.entries(build(c)))
		fs.writeFileSync(`${where}/${file}`, bytes(document));
	expected[name] = { where, said };
});
console.log(JSON.stringify(expected));
