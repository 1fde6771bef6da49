/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document manual|sample - what the settings' table has to say, for `make man`. */
#include <string.h>

#include "model/options.h"

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "manual") == 0)
		options_print_manual(stdout);
	else if (argc == 2 && strcmp(argv[1], "sample") == 0)
		options_print_sample(stdout);
	else
		return 2;
	return 0;
}
