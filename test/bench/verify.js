// SPDX-License-Identifier: GPL-3.0-or-later
//
// verify MODULES METADATA URL TYPES - how many ms tuf-js takes to verify the roles of so many types.
'use strict';
const [modules, metadata, url, types] = process.argv.slice(2);
const { Updater } = require(modules + '/node_modules/tuf-js');

(async () => {
	const began = process.hrtime.bigint();
	const updater = new Updater({ metadataDir: metadata, metadataBaseUrl: url, config: { fetchRetries: 0 } });
	await updater.refresh();
	for (let i = 0; i < Number(types); i++)
		await updater.getTargetInfo(`h;t=type-${String(i).padStart(4, '0')};v=1;c=00000000`);
	console.log(Number(process.hrtime.bigint() - began) / 1e6);
})();
