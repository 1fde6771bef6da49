/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/options.h"

#include <stdio.h>

#include "model/options_row.h"

void
options_print_help(FILE *to)
{
	(void)fputs(
		"Usage: guts2d [-Dname=value]... [--config FILE] [--check | --test-upstream]\n"
		"Serve updates to the clients of a network from one cache, in the foreground.\n\n",
		to);
	for (size_t i = 0; i < OPTIONS_ROWS; i++)
		(void)fprintf(to, "  -D%s=%s\n        %s%s%s%s\n", options_rows[i].name,
			options_rows[i].placeholder, options_rows[i].line,
			options_rows[i].standard[0] != '\0' ? " (default " : "",
			options_rows[i].standard, options_rows[i].standard[0] != '\0' ? ")" : "");
	(void)fputs(
		"  --config FILE\n        lines of name=value; the command line goes first\n"
		"        (default: config/guts2d.conf below the root, where it exists)\n"
		"  --check\n        print every setting and where it came from, and exit\n"
		"  --test-upstream\n        go to the upstream step by step, say what fails, and "
		"exit\n"
		"  --help, --version\n\n"
		"Exit: 0 ended by a signal, 1 cannot run, 2 usage.  See guts2d(8).\n",
		to);
}

static void
print_setting(void *context, const char *name, const char *value, const char *origin)
{
	(void)fprintf(context, "%s=%s  # %s\n", name, value, origin);
}

void
options_print_values(const struct options *o, FILE *to)
{
	options_each(o, print_setting, to);
}

void
options_print_sample(FILE *to)
{
	(void)fputs("# SPDX-License-Identifier: GPL-3.0-or-later\n"
		    "# guts2d: settings, for config/guts2d.conf below the root; every line is "
		    "name=value.\n"
		    "# A line with # in front shows the default.\n",
		to);
	for (size_t i = 0; i < OPTIONS_ROWS; i++) {
		char range[80] = "";

		if (options_rows[i].kind != ROW_TEXT)
			options_row_range_text(&options_rows[i], range, sizeof(range));
		(void)fprintf(to, "\n# %s%s%s\n#%s=%s\n", options_rows[i].line,
			*range != '\0' ? "; " : "", range, options_rows[i].name,
			options_rows[i].standard);
	}
}

void
options_print_manual(FILE *to)
{
	for (size_t i = 0; i < OPTIONS_ROWS; i++) {
		char range[80] = "";

		(void)fprintf(to, ".TP\n.BI \\-D %s = %s\n", options_rows[i].name,
			options_rows[i].placeholder);
		/* A line begins with a small letter, for --help; here it begins a sentence. */
		(void)fprintf(to, "%c%s.\n%s\n", options_rows[i].line[0] - 'a' + 'A',
			options_rows[i].line + 1, options_rows[i].paragraph);
		if (options_rows[i].kind != ROW_TEXT)
			options_row_range_text(&options_rows[i], range, sizeof(range));
		if (*range != '\0')
			(void)fprintf(to, "%s%s, by default %s.\n",
				options_rows[i].kind == ROW_SWITCH ? "Either " : "From ", range,
				options_rows[i].standard);
		else if (options_rows[i].standard[0] != '\0')
			(void)fprintf(to, "By default\n.IR %s .\n", options_rows[i].standard);
	}
}
