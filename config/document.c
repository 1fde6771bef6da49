/* SPDX-License-Identifier: GPL-3.0-or-later */
/* document settings|sample|events|metrics - what the tables have to say, for `make man`. */
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

static int
capital(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

static void
print_events(FILE *to)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
		(void)fprintf(to, ".TP\n.BR %s \" (%s)\"\n%c%s.\n", events[i].name, events[i].level,
			capital(events[i].meaning[0]), events[i].meaning + 1);
}

static const struct {
	const char *name;
	const char *kind;
	const char *meaning;
} families[] = {
#define FAMILY(symbol, name, kind, meaning) {name, kind, meaning},
#define SERIES(symbol, labels)
#include "metrics.def"
#undef FAMILY
#undef SERIES
};

static void
print_metrics(FILE *to)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		(void)fprintf(to, ".TP\n.BR %s \" (%s)\"\n%c%s.\n", families[i].name,
			families[i].kind, capital(families[i].meaning[0]), families[i].meaning + 1);
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
	else if (strcmp(what, "metrics") == 0)
		print_metrics(stdout);
	else
		return 2;
	return 0;
}
