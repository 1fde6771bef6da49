/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document settings|sample|events - what the tables have to say, for `make man`. */
#include <stdio.h>
#include <string.h>

#include "model/options.h"

static const struct {
	const char *name;
	const char *level;
	const char *meaning;
} events[] = {
#define EVENT(symbol, name, level, meaning) {name, level, meaning},
#include "events.def"
#undef EVENT
};

static void
print_events(FILE *to)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		(void)fprintf(to, ".TP\n.BR %s \" (%s)\"\n%c%s.\n", events[i].name, events[i].level,
			events[i].meaning[0] >= 'a' && events[i].meaning[0] <= 'z'
				? events[i].meaning[0] - 'a' + 'A'
				: events[i].meaning[0],
			events[i].meaning + 1);
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "settings") == 0)
		options_print_manual(stdout);
	else if (strcmp(what, "sample") == 0)
		options_print_sample(stdout);
	else if (strcmp(what, "events") == 0)
		print_events(stdout);
	else
		return 2;
	return 0;
}
