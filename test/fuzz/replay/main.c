/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a target over files, for machines and compilers without libFuzzer. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "fuzz.h"

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		AUTO_BUF struct buf bytes = {0};
		struct err e;

		if (fs_read(AT_FDCWD, argv[i], 1 << 24, &bytes, &e) != 0) {
			(void)fprintf(stderr, "%s\n", e.text);
			return 1;
		}
		(void)LLVMFuzzerTestOneInput((const uint8_t *)bytes.at, bytes.len);
	}
	(void)printf("%d inputs\n", argc - 1);
	return 0;
}
