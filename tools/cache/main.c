/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-cache - looks into the cache of a guts2d, explains every byte of it, and
 * puts it right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cache/cache.h"
#include "cache/cache_change.h"
#include "cache/cache_list.h"
#include "cache/cache_owner.h"
#include "cache/cache_plan.h"
#include "cache/cache_show.h"
#include "cache/cache_usage.h"
#include "cache/cache_verify.h"
#include "cache/cache_why.h"
#include "cli.h"

static const char usage[] =
	"Usage: guts2-cache [--root DIR] [--json] COMMAND\n"
	"Look into the cache of guts2d. Reading works while the server runs; what changes\n"
	"something is done by the running server, or with the cache's lock.\n";

static const char ending[] =
	"Exit: 0 well, 1 something is wrong or not there, 2 usage, 75 in use.\n"
	"See guts2-cache(1).\n";

static const struct cli_command commands[] = {
	{"ls", "[TYPE]", "versions, and what is kept of each", 0, 1},
	{"show", "TYPE VERSION", "its files, and every entry of its archives", 2, 2},
	{"why", "TYPE [PV PC]", "what a client with that version would be answered", 1, 3},
	{"plan", "", "what retention would build and remove next", 0, 0},
	{"du", "", "bytes by type and kind", 0, 0},
	{"verify", "[--repair] [TYPE]", "every digest; what is damaged goes to quarantine/", 0, 1},
	{"reindex", "", "the index made anew from the files", 0, 0},
	{"drop", "TYPE [VERSION]", "removed", 1, 2},
	{"forget", "TYPE", "removed, and what is announced of it", 1, 1},
	{0},
};

enum { WORDS_MAX = 4 };

struct arguments {
	const char *root;
	bool json;
	bool repair;
	const char *word[WORDS_MAX];
	int words;
	struct edition edition; /* VERSION, or PV PC */
};

static int
run(struct cache *c, const struct arguments *a)
{
	const char *command = a->word[0];
	const char *type = a->words > 1 ? a->word[1] : NULL;

	if (strcmp(command, "ls") == 0)
		return cache_list(c, type, a->json);
	if (strcmp(command, "show") == 0)
		return cache_show(c, type, a->edition.version, a->json);
	if (strcmp(command, "why") == 0)
		return cache_why(c, type, a->words > 2 ? &a->edition : NULL, a->json);
	if (strcmp(command, "plan") == 0)
		return cache_plan(c, a->json);
	if (strcmp(command, "du") == 0)
		return cache_usage(c, a->json);
	if (strcmp(command, "verify") == 0)
		return cache_verify(c, type, a->repair, a->json);
	if (strcmp(command, "reindex") == 0)
		return cache_change_reindex(c, a->json);
	return cache_change_drop(
		c, type, a->edition.version, strcmp(command, "forget") == 0, a->json);
}

/* VERSION, or PV PC. */
static int
parse_edition(struct arguments *a, bool why)
{
	if (!cli_number(
		    why ? "PV" : "VERSION", a->word[2], 1, IDENT_VERSION_MAX, &a->edition.version))
		return CLI_USAGE;
	if (a->words == 3)
		return CLI_OK;
	if (!ident_cookie_valid(a->word[3]))
		return cli_usage("PC: '%s' is not 8 lower-case hex digits", a->word[3]);
	memcpy(a->edition.cookie, a->word[3], sizeof(a->edition.cookie));
	return CLI_OK;
}

/*
 * What can be said of the words before the cache is opened, so that a mistake is named at once and
 * is no error of the cache.
 */
static int
parse_words(struct arguments *a)
{
	bool why = strcmp(a->word[0], "why") == 0;

	if (why && a->words == 3)
		return cli_usage("expected: why TYPE, or why TYPE PV PC");
	if (a->repair && strcmp(a->word[0], "verify") != 0)
		return cli_usage("--repair: only for verify");
	if (a->words > 1 && !cli_type("TYPE", a->word[1]))
		return CLI_USAGE;
	return a->words > 2 ? parse_edition(a, why) : CLI_OK;
}

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"root", "DIR", "the server's root (default /var/opt/guts2)", .text = &a->root},
		{"repair", NULL, "verify: move what is damaged", .flag = &a->repair},
		{"json", NULL, "for programs", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage,
		.commands = commands,
		.options = options,
		.ending = ending,
		.words = a->word,
		.words_max = WORDS_MAX};

	if (cli_parse(&cli, argc, argv, &a->words) != CLI_OK)
		return CLI_USAGE;
	return parse_words(a);
}

int
main(int argc, char **argv)
{
	struct arguments a = {.root = "/var/opt/guts2"};
	struct cache c = {0};
	struct err e = {0};
	AUTO_FREE char *path = NULL;
	int code = parse_arguments(argc, argv, &a);

	if (code != CLI_OK)
		return code;
	path = mem_printf("%s/data/guts2/updates", a.root);
	/* Before anything is opened: what is made from here on is its owner's. */
	if (cache_owner_become(path, &e) != 0)
		return cli_fail(&e);
	code = cache_open(&c, a.root, path, &e) == 0 ? run(&c, &a) : cli_fail(&e);
	cache_close(&c);
	if (code == CLI_FAILED)
		cache_owner_complain(path);
	return code;
}
