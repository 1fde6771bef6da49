/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-client - keeps directories up to date from a guts2d, a static web
 * server or a directory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "client/client_update.h"
#include "model/doc.h"

static const char usage[] =
	"Usage: guts2-client --server URL --dir DIR --type T [--type T]... [OPTION]...\n"
	"Bring update types up to date below DIR; DIR/T/current leads to the newest.\n";

static const char ending[] = "Exit: 0 all current, 75 told to come back later, 1 error, 2 usage.\n"
			     "See guts2-client(1).\n";

enum {
	TYPES_MAX = 100,
	UNTOLD_RETRY_S = 10, /* where a server says "later" and not when, or cannot be reached */
	HOLD_MAX_S = 30,     /* for which a server is asked to hold an answer */
	YEAR_S = 86400 * 365,
};

struct arguments {
	const char *server;
	const char *directory;
	const char *types[TYPES_MAX];
	size_t type_count;
	bool once;
	bool daemon;
	uint64_t wait_s;
	uint64_t interval_s;
	char id[WIRE_CLIENT_MAX + 1];
	bool json;
};

static bool
add_type(void *context, const char *text)
{
	struct arguments *a = context;

	if (!cli_type("--type", text))
		return false;
	if (a->type_count == TYPES_MAX) {
		(void)cli_usage("--type: '%s' is one too many", text);
		return false;
	}
	a->types[a->type_count++] = text;
	return true;
}

/* It stands in every line of the server's log, and in a document of limited length. */
static bool
take_id(void *context, const char *text)
{
	struct arguments *a = context;

	if (strlen(text) == 0 || strlen(text) > WIRE_CLIENT_MAX) {
		(void)cli_usage("--id: must have 1 to %d bytes", WIRE_CLIENT_MAX);
		return false;
	}
	(void)snprintf(a->id, sizeof(a->id), "%s", text);
	return true;
}

static int
check_arguments(const struct arguments *a)
{
	if (a->server == NULL || a->directory == NULL || a->type_count == 0)
		return cli_usage("--server, --dir and --type are required");
	if ((a->once ? 1 : 0) + (a->daemon ? 1 : 0) + (a->wait_s > 0 ? 1 : 0) > 1)
		return cli_usage("--once, --wait and --daemon exclude each other");
	return CLI_OK;
}

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"server", "URL", "http, https or file URL of a guts2d or a published tree",
			.text = &a->server},
		{"dir", "DIR", "where the versions go", .text = &a->directory},
		{"type", "T", "an update type; may be given up to 100 times", .parse = add_type},
		{"once", NULL, "one try (default): exit 75 when told to come back later",
			.flag = &a->once},
		{"wait", "SECONDS", "come back as told, for so long", .number = &a->wait_s,
			.min = 1, .max = YEAR_S},
		{"daemon", NULL, "go on for ever, asking at every interval", .flag = &a->daemon},
		{"interval", "S", "seconds between questions with --daemon (default 600)",
			.number = &a->interval_s, .min = 1, .max = YEAR_S},
		{"id", "ID", "what the server's log calls this client (default: host name)",
			.parse = take_id},
		{"json", NULL, "a line of JSON for each type", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage, .options = options, .ending = ending, .context = a};
	int words;

	if (cli_parse(&cli, argc, argv, &words) != CLI_OK)
		return CLI_USAGE;
	return check_arguments(a);
}

static const char *
result_name(const struct update *u)
{
	static const char *const names[] = {"updated", "current", "retry", "failed"};

	return names[u->result];
}

static json_t *
json_edition(const struct edition *edition)
{
	return edition->version > 0 ? json_integer((json_int_t)edition->version) : json_null();
}

static void
print_json(const struct update *u, double seconds)
{
	json_t *object = json_pack("{s:s,s:o,s:o,s:s,s:o,s:I,s:f}", "type", u->type, "from",
		json_edition(&u->from), "to", json_edition(&u->to), "result", result_name(u), "via",
		u->via != NULL ? json_string(u->via) : json_null(), "bytes", (json_int_t)u->bytes,
		"seconds", seconds);

	if (u->result == UPDATE_RETRY || u->result == UPDATE_FAILED)
		(void)json_object_set_new(object, "error", cli_json_text(u->why.text));
	cli_print_json(object);
	/* With --daemon the reader is a program that waits for the line. */
	(void)fflush(stdout);
}

static void
print_text(const struct update *u, double seconds)
{
	char bytes[32];

	(void)printf("%s: %s", u->type, result_name(u));
	if (u->to.version > 0)
		(void)printf(", version %" PRIu64, u->to.version);
	if (u->via != NULL)
		(void)printf(" by %s of %s in %.1f s", u->via,
			num_bytes_text(u->bytes, bytes, sizeof(bytes)), seconds);
	(void)putchar('\n');
	(void)fflush(stdout);
	if (u->result == UPDATE_FAILED)
		cli_complain("%s: %s", u->type, u->why.text);
	if (u->result == UPDATE_RETRY)
		cli_complain("%s: %s; come back in %u s", u->type, u->why.text, u->retry_s);
}

struct session {
	const struct arguments *a;
	struct update_client client;
	struct update updates[TYPES_MAX]; /* of a->types, in their order */
};

static bool
finished(const struct update *u)
{
	return u->result == UPDATE_UPDATED || u->result == UPDATE_CURRENT;
}

/* What became of the question became of every type that it was asked for. */
static void
fail_unfinished(struct session *s, const struct update *why)
{
	for (size_t i = 0; i < s->a->type_count; i++) {
		struct update *u = &s->updates[i];

		if (finished(u))
			continue;
		u->result = why->result;
		u->retry_s = why->retry_s;
		u->may_recover = why->may_recover;
		u->why = why->why;
	}
}

/* One question to the server, and an update of every type that is not finished yet. */
static void
try_all(struct session *s)
{
	AUTO_IDENTS struct idents has = {0};
	AUTO_IDENTS struct idents newest = {0};
	struct update query = {0};
	bool all = true;

	for (size_t i = 0; i < s->a->type_count; i++) {
		struct ident ident = {0};

		client_update_installed(&s->updates[i]);
		(void)snprintf(ident.type, sizeof(ident.type), "%s", s->updates[i].type);
		ident.edition = s->updates[i].to;
		all = all && ident.edition.version > 0;
		idents_add(&has, &ident);
	}
	/* Of a type that is not installed yet a filtered answer would say nothing. */
	if (client_update_query(
		    &s->client, all && idents_sort(&has) ? &has : NULL, &newest, &query) != 0) {
		fail_unfinished(s, &query);
		return;
	}
	for (size_t i = 0; i < s->a->type_count; i++)
		if (!finished(&s->updates[i]))
			client_update_type(&s->client, idents_find(&newest, s->updates[i].type),
				&s->updates[i]);
}

/* 0: nothing is to be tried again; else seconds until it makes sense. */
static uint64_t
next_try_s(const struct session *s)
{
	uint64_t next = 0;

	for (size_t i = 0; i < s->a->type_count; i++) {
		const struct update *u = &s->updates[i];
		uint64_t retry_s = u->retry_s > 0 ? u->retry_s : UNTOLD_RETRY_S;

		if (finished(u) || (u->result == UPDATE_FAILED && !u->may_recover))
			continue;
		/* The first that makes sense: the others are asked for in the same question. */
		if (next == 0 || retry_s < next)
			next = retry_s;
	}
	return next;
}

static void
sleep_ms(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	/* A stop and a continue end it early; t is what is left. */
	while (nanosleep(&t, &t) != 0)
		;
}

static int
round_of_updates(struct session *s, uint64_t wait_s)
{
	uint64_t started_ms = clock_mono_ms();
	int code = CLI_OK;
	uint64_t next_s;

	for (size_t i = 0; i < s->a->type_count; i++)
		s->updates[i] = (struct update){.type = s->a->types[i],
			.directory = s->a->directory,
			.result = UPDATE_RETRY};
	/* Until all is current, or coming back would be later than the time that there is. */
	for (;;) {
		try_all(s);
		next_s = next_try_s(s);
		if (next_s == 0 || clock_mono_ms() - started_ms + next_s * 1000 > wait_s * 1000)
			break;
		sleep_ms(next_s * 1000);
	}
	for (size_t i = 0; i < s->a->type_count; i++) {
		const struct update *u = &s->updates[i];
		double seconds = (double)(clock_mono_ms() - started_ms) / 1000;

		(s->a->json ? print_json : print_text)(u, seconds);
		/* One error outweighs all that only has to come back later. */
		if (u->result == UPDATE_FAILED)
			code = CLI_FAILED;
		else if (u->result == UPDATE_RETRY && code == CLI_OK)
			code = CLI_TRY_LATER;
	}
	return code;
}

/* Spread by a tenth, or machines that were switched on together ask together. */
static uint64_t
spread_ms(uint64_t interval_s)
{
	static unsigned seed;

	if (seed == 0)
		seed = (unsigned)getpid() ^ (unsigned)clock_wall_ms();
	return interval_s * 900 + (uint64_t)rand_r(&seed) % (interval_s * 200 + 1);
}

int
main(int argc, char **argv)
{
	struct arguments a = {.interval_s = 600};
	AUTO_FREE struct session *s = mem_new(1, sizeof(*s));
	struct err e = {0};
	int code;

	/* A name that does not fit is cut, perhaps without a NUL: the last byte keeps its own. */
	(void)gethostname(a.id, sizeof(a.id) - 1);
	if (parse_arguments(argc, argv, &a) != CLI_OK)
		return CLI_USAGE;
	/* Versions are for everybody on this machine, whoever installs them. */
	(void)umask(022);
	s->a = &a;
	s->client =
		(struct update_client){.id = a.id, .wait_s = a.daemon ? a.interval_s : a.wait_s};
	if (s->client.wait_s > HOLD_MAX_S)
		s->client.wait_s = HOLD_MAX_S;
	if (origin_parse(a.server, &s->client.server, &e) != 0)
		return cli_usage("--server: %s", e.text);
	if (upstream_new(&s->client.upstream, &e) != 0)
		return cli_fail(&e);
	do {
		code = round_of_updates(s, a.daemon ? a.interval_s : a.wait_s);
		if (a.daemon)
			sleep_ms(spread_ms(a.interval_s));
	} while (a.daemon);
	upstream_free(s->client.upstream);
	origin_free(&s->client.server);
	return code;
}
