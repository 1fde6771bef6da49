/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-client - keeps directories up to date from a guts2d, a static web
 * server or a directory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "client/client_report.h"
#include "client/client_session.h"
#include "model/retry.h"

static const char usage[] =
	"Usage: guts2-client --server URL --dir DIR --type T [--type T]... [OPTION]...\n"
	"Bring update types up to date below DIR; DIR/T/current leads to the newest.\n";

static const char ending[] =
	"Exit: 0 all current, 75 come back later, 3 nothing newer comes from this server,\n"
	"4 what it has is not to be trusted, 1 error, 2 usage.\n"
	"See guts2-client(1).\n";

enum {
	/* Pauses where nobody says when to come back: doubled each time, from and up to. */
	PAUSE_MS = 1000,
	PAUSE_MAX_MS = 60000,
	HOLD_MAX_S = 30, /* for which a server is asked to hold an answer */
	YEAR_S = 86400 * 365,
};

struct arguments {
	const char *server;
	const char *directory;
	const char *types[CLIENT_SESSION_TYPES_MAX];
	size_t type_count;
	bool once;
	bool daemon;
	uint64_t wait_s;
	uint64_t interval_s;
	char id[WIRE_CLIENT_MAX + 1];
	bool verify;
	bool copy;
	bool json;
	const char *trust_root;
	bool trust_first_use;
	struct client_trust trust;
};

static bool
add_type(void *context, const char *text)
{
	struct arguments *a = context;

	if (!cli_type("--type", text))
		return false;
	/* Said twice it is one: of two the second would wait for the lock of the first. */
	for (size_t i = 0; i < a->type_count; i++)
		if (strcmp(a->types[i], text) == 0)
			return true;
	if (a->type_count == CLIENT_SESSION_TYPES_MAX) {
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

	if (strlen(text) > WIRE_CLIENT_MAX) {
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
		{"verify", NULL, "read every installed file, and compare its digest",
			.flag = &a->verify},
		{"copy", NULL, "no hard links: for who writes into installed files",
			.flag = &a->copy},
		{"trust-root", "FILE", "install only what is signed, beginning with this root",
			.text = &a->trust_root},
		{"trust-first-use", NULL,
			"the same, with the root that the server has when it is first asked",
			.flag = &a->trust_first_use},
		{"json", NULL, "a line of JSON for each type", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage, .options = options, .ending = ending, .context = a};
	int words;

	if (cli_parse(&cli, argc, argv, &words) != CLI_OK)
		return CLI_USAGE;
	return check_arguments(a);
}

static void
sleep_ms(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	/* A stop and a continue end it early; t is what is left. */
	while (nanosleep(&t, &t) != 0)
		;
}

/* Or machines that were switched on together ask together; they have process ids in common, too. */
static uint64_t
spread_ms(uint64_t ms)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = clock_wall_ms();
	return retry_spread_ms(ms, random);
}

/* Until all is current, or coming back would be later than the time that there is. */
static void
try_all(struct client_session *s, uint64_t started_ms, uint64_t wait_s)
{
	uint64_t pause_ms = PAUSE_MS;

	for (;;) {
		uint64_t passed_ms;
		uint64_t next_ms;

		client_session_try(s);
		passed_ms = clock_mono_ms() - started_ms;
		next_ms = client_session_next_ms(s, spread_ms(pause_ms),
			wait_s * 1000 > passed_ms ? wait_s * 1000 - passed_ms : 0);
		if (next_ms == 0)
			return;
		sleep_ms(next_ms);
		pause_ms = 2 * pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
	}
}

static int
round_of_updates(struct client_session *s, struct arguments *a, uint64_t wait_s)
{
	struct err e = {0};
	uint64_t started_ms = clock_mono_ms();
	int code = CLI_OK;

	client_session_begin(s, a->directory, a->types, a->type_count);
	if (client_trust_open(&a->trust, a->directory, a->trust_root, a->trust_first_use, &e) ==
		0) {
		s->client.trust = &a->trust;
		try_all(s, started_ms, wait_s);
	} else {
		client_session_fail(s, &e);
	}
	for (size_t i = 0; i < s->count; i++) {
		double seconds = (double)(clock_mono_ms() - started_ms) / 1000;

		code = client_report_worse(code, client_report(&s->updates[i], seconds, a->json));
		client_trust_clear_signed(&s->updates[i].signed_);
	}
	client_trust_close(&a->trust);
	return code;
}

int
main(int argc, char **argv)
{
	struct arguments a = {.interval_s = 600};
	AUTO_FREE struct client_session *s = mem_new(1, sizeof(*s));
	struct source source = {0};
	struct err e = {0};
	int code;

	/* A name that does not fit is cut, perhaps without a NUL: the last byte keeps its own. */
	(void)gethostname(a.id, sizeof(a.id) - 1);
	if (parse_arguments(argc, argv, &a) != CLI_OK)
		return CLI_USAGE;
	/* Versions are for everybody on this machine, whoever installs them, and by what umask. */
	(void)umask(022);
	s->client = (struct update_client){.id = a.id,
		.wait_s = a.daemon ? a.interval_s : a.wait_s,
		.verify = a.verify,
		.copy = a.copy};
	if (s->client.wait_s > HOLD_MAX_S)
		s->client.wait_s = HOLD_MAX_S;
	if (origin_parse(a.server, &s->client.server, &e) != 0)
		return cli_usage("--server: %s", e.text);
	source.origin = &s->client.server;
	s->client.source = &source;
	if (upstream_new(&s->client.upstream, &e) != 0)
		return cli_fail(&e);
	do {
		code = round_of_updates(s, &a, a.daemon ? a.interval_s : a.wait_s);
		if (a.daemon)
			sleep_ms(spread_ms(a.interval_s * 1000));
	} while (a.daemon);
	upstream_free(s->client.upstream);
	origin_free(&s->client.server);
	return code;
}
