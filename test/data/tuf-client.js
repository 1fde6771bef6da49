// SPDX-License-Identifier: GPL-3.0-or-later
//
// tuf-client MODULES METADATA BASE TARGETS PATH - tuf-js gets one target, and says what came of it as JSON.
'use strict';
const [modules, metadata, base, targets, path] = process.argv.slice(2);
const { Updater } = require(modules + '/node_modules/tuf-js');

async function main() {
	const updater = new Updater({
		metadataDir: metadata, metadataBaseUrl: base + 'tuf', targetDir: targets, targetBaseUrl: base + 'tuf/targets',
		config: { fetchRetries: 0, fetchRetry: 0, fetchTimeout: 20000 } });
	await updater.refresh();
	const info = await updater.getTargetInfo(path);
	if (!info)
		return { found: false };
	await updater.downloadTarget(info, targets + '/target');
	return { found: true };
}

main().then((r) => console.log(JSON.stringify(r)), (e) => console.log(JSON.stringify({ found: false, error: e.name, text: String(e.message) })))
	.finally(() => process.exit(0));
