/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-admin - how a running guts2d is, and what it is to do.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin_show.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"
#include "net/control.h"

static const char usage[] =
	"Usage: guts2-admin [--root DIR] [--json] [--watch] COMMAND\n"
	"Ask the guts2d that runs on this machine how it is, or to do something.\n";

static const char ending[] = "Exit: 0 well, 1 something is wrong or not there, 2 usage.\n"
			     "See guts2-admin(8).\n";

static const struct cli_command commands[] = {
	{"status", "", "how the server is, and what to look at", 0, 0},
	{"types", "", "what is announced and kept of each type", 0, 0},
	{"jobs", "", "what is being obtained or built", 0, 0},
	{"upstreams", "", "who is asked, and whether they answer", 0, 0},
	{"settings", "", "those in force, and where each came from", 0, 0},
	{"check", "", "ask the upstream now what there is", 0, 0},
	{"hold", "WHY", "announce nothing newer until it is released", 1, 1},
	{"release", "WHY", "end that, and announce at once what has come", 1, 1},
	{0},
};

enum { WORDS_MAX = 2, WATCH_S = 2 };

struct arguments {
	const char *root;
	bool json;
	bool watch;
	const char *word[WORDS_MAX];
	int words;
};

static json_t *
ask(const struct arguments *a, json_t *take_question, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/data/guts2/updates", a->root);
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, path, e);

	if (dir >= 0)
		return control_ask(dir, take_question, e);
	json_decref(take_question);
	return NULL;
}

/* The part of a status that a command is about. */
static json_t *
part_of(const char *command, json_t *status)
{
	json_t *part = json_object_get(status, command);

	return json_incref(part != NULL ? part : status);
}

static void
show(const struct arguments *a, json_t *status)
{
	const char *command = a->word[0];

	if (a->json)
		cli_print_json(part_of(command, status));
	else if (strcmp(command, "types") == 0)
		admin_show_types(status);
	else if (strcmp(command, "jobs") == 0)
		admin_show_jobs(status);
	else if (strcmp(command, "upstreams") == 0)
		admin_show_upstreams(status);
	else if (strcmp(command, "settings") == 0)
		admin_show_settings(status);
	else
		admin_show_status(status, isatty(STDOUT_FILENO) == 1);
}

/* Of a status whether it is good; of what is a part of it that it is there. */
static int
code_of(const struct arguments *a, const json_t *status)
{
	const char *state = json_string_value(json_object_get(status, "state"));

	return strcmp(a->word[0], "status") == 0 && (state == NULL || strcmp(state, "good") != 0)
		       ? CLI_FAILED
		       : CLI_OK;
}

/* What changes something, and what is said when it did. */
static const struct change {
	const char *command;
	const char *verb;
	const char *said;
} changes[] = {{"check", "poll", "The upstream is asked."},
	{"hold", "hold", "Nothing newer is announced until it is released."},
	{"release", "release", "What has come is announced."}};

static const struct change *
find_change(const char *command)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		if (strcmp(changes[i].command, command) == 0)
			return &changes[i];
	return NULL;
}

static int
run(const struct arguments *a)
{
	const struct change *change = find_change(a->word[0]);
	json_t *question = json_pack("{s:s}", "do", change != NULL ? change->verb : "status");
	struct err e = {0};
	AUTO_DOC json_t *answer = NULL;

	if (a->words > 1)
		(void)json_object_set_new(question, "why", cli_json_text(a->word[1]));
	answer = ask(a, question, &e);
	if (answer == NULL)
		return cli_fail(&e);
	if (change == NULL) {
		show(a, answer);
		return code_of(a, answer);
	}
	if (a->json)
		cli_print_json(json_incref(answer));
	else
		(void)printf("%s\n", change->said);
	return CLI_OK;
}

/* Until somebody ends it; a server that is away for a moment is no end. */
static int
watch(const struct arguments *a)
{
	const struct timespec pause = {.tv_sec = WATCH_S};

	for (;;) {
		if (isatty(STDOUT_FILENO) == 1)
			(void)fputs("\033[H\033[2J", stdout);
		(void)run(a);
		if (fflush(stdout) != 0)
			return CLI_FAILED;
		(void)nanosleep(&pause, NULL);
	}
}

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"root", "DIR", "the server's root (default /var/opt/guts2)", .text = &a->root},
		{"watch", NULL, "again every two seconds, until it is ended", .flag = &a->watch},
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
	return a->watch && find_change(a->word[0]) != NULL
		       ? cli_usage("--watch: not for %s", a->word[0])
		       : CLI_OK;
}

int
main(int argc, char **argv)
{
	struct arguments a = {.root = "/var/opt/guts2"};
	int code = parse_arguments(argc, argv, &a);

	if (code != CLI_OK)
		return code;
	return a.watch ? watch(&a) : run(&a);
}
