/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-cache - looks into the cache of a guts2d, explains every byte of it, and
 * puts it right.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache_change.h"
#include "cache/cache_explain.h"
#include "cache/cache_list.h"
#include "cache/cache.h"
#include "cli.h"

static const char help[] =
	"Usage: guts2-cache [--root DIR] [--json] COMMAND\n"
	"Look into the cache of guts2d. Reading works while the server runs; what changes\n"
	"something is done by the running server, or with the cache's lock.\n"
	"\n"
	"  ls [TYPE]                 versions, and what is kept of each\n"
	"  show TYPE VERSION         its files, and every entry of its archives\n"
	"  why TYPE [PV PC]          what a client with that version would be answered\n"
	"  plan                      what retention would build and remove next\n"
	"  du                        bytes by type and kind\n"
	"  verify [--repair] [TYPE]  every digest; what is damaged goes to quarantine/\n"
	"  reindex                   the index made anew from the files\n"
	"  drop TYPE [VERSION]       removed\n"
	"\n"
	"  --root DIR                the server's root (default /var/opt/guts2)\n"
	"  --json                    for programs\n"
	"  --help                    this text\n"
	"\n"
	"Exit: 0 well, 1 something is wrong or not there, 2 usage.  See guts2-cache(1).\n";

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
	const char *command = a->words > 0 ? a->word[0] : "";
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
		return cache_change_rebuild(c, a->json);
	return cache_change_drop(c, type, a->edition.version, a->json);
}

/* The commands, and how many words may follow each. */
static const struct {
	const char *name;
	int min;
	int max;
	const char *words;
} commands[] = {{"ls", 0, 1, "[TYPE]"}, {"show", 2, 2, "TYPE VERSION"},
	{"why", 1, 3, "TYPE [PV PC]"}, {"plan", 0, 0, ""}, {"du", 0, 0, ""},
	{"verify", 0, 1, "[--repair] [TYPE]"}, {"reindex", 0, 0, ""},
	{"drop", 1, 2, "TYPE [VERSION]"}};

static int
check_words(struct arguments *a)
{
	size_t i = 0;

	if (a->words == 0 || a->word[0] == NULL)
		return cli_usage("a command is missing");
	while (i < sizeof(commands) / sizeof(commands[0]) &&
		strcmp(commands[i].name, a->word[0]) != 0)
		i++;
	if (i == sizeof(commands) / sizeof(commands[0]))
		return cli_usage("'%s' is not a command", a->word[0]);
	/* why takes one word or three. */
	if (a->words - 1 < commands[i].min || a->words - 1 > commands[i].max ||
		(strcmp(a->word[0], "why") == 0 && a->words == 3))
		return cli_usage("expected: %s %s", commands[i].name, commands[i].words);
	if (a->repair && strcmp(a->word[0], "verify") != 0)
		return cli_usage("--repair: only for verify");
	if (a->words > 1 && !ident_type_valid(a->word[1]))
		return cli_usage(
			"TYPE: '%s' must be a-z 0-9 . _ - (first a letter or digit)", a->word[1]);
	if (a->words > 2 && !cli_number(strcmp(a->word[0], "why") == 0 ? "PV" : "VERSION",
				    a->word[2], 1, IDENT_VERSION_MAX, &a->edition.version))
		return CLI_USAGE;
	if (a->words > 3 && !ident_cookie_valid(a->word[3]))
		return cli_usage("PC: '%s' is not 8 lower-case hex digits", a->word[3]);
	if (a->words > 3)
		memcpy(a->edition.cookie, a->word[3], sizeof(a->edition.cookie));
	return CLI_OK;
}

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {{"root", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'J'}, {"repair", no_argument, NULL, 'R'},
		{"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			a->root = optarg;
			break;
		case 'J':
			a->json = true;
			break;
		case 'R':
			a->repair = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			exit(CLI_OK);
		default:
			return cli_usage("see the options in --help");
		}
	}
	while (optind < argc && a->words < WORDS_MAX)
		a->word[a->words++] = argv[optind++];
	return optind < argc ? cli_usage("'%s' is one word too many", argv[optind])
			     : check_words(a);
}

int
main(int argc, char **argv)
{
	struct arguments a = {.root = "/var/opt/guts2"};
	struct cache c = {0};
	struct err e = {0};
	int code = parse_arguments(argc, argv, &a);

	if (code != CLI_OK)
		return code;
	if (cache_open(&c, a.root, &e) != 0) {
		cli_complain("%s", e.text);
		code = CLI_FAILED;
	} else {
		code = run(&c, &a);
	}
	cache_close(&c);
	return code;
}
