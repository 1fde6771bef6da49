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
#include "client/client_fetch.h"
#include "client/client_update.h"
#include "model/doc.h"

static const char usage[] =
	"Usage: guts2-client --server URL --dir DIR --type T [--type T]... [OPTION]...\n"
	"Bring update types up to date below DIR; DIR/T/current leads to the newest.\n";

static const char ending[] =
	"Exit: 0 all current, 75 told to come back later or another run is at work,\n"
	"3 nothing newer will come from this server, 1 error, 2 usage.\n"
	"See guts2-client(1).\n";

enum {
	TYPES_MAX = 100,
	/* Pauses where nobody says when to come back: doubled each time, from and up to. */
	PAUSE_MS = 1000,
	PAUSE_MAX_MS = 60000,
	EXIT_NOTHING_COMES = 3,
	HOLD_MAX_S = 30, /* for which a server is asked to hold an answer */
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
	bool verify;
	bool copy;
	bool json;
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
		{"json", NULL, "a line of JSON for each type", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage, .options = options, .ending = ending, .context = a};
	int words;

	if (cli_parse(&cli, argc, argv, &words) != CLI_OK)
		return CLI_USAGE;
	return check_arguments(a);
}

static const struct {
	const char *name;
	int exit_code;
} results[] = {[UPDATE_UPDATED] = {"updated", CLI_OK},
	[UPDATE_REPAIRED] = {"repaired", CLI_OK},
	[UPDATE_CURRENT] = {"current", CLI_OK},
	[UPDATE_OLDER] = {"older", EXIT_NOTHING_COMES},
	[UPDATE_WITHDRAWN] = {"withdrawn", EXIT_NOTHING_COMES},
	[UPDATE_RETRY] = {"retry", CLI_TRY_LATER},
	[UPDATE_FAILED] = {"failed", CLI_FAILED}};

static json_t *
json_edition(const struct edition *edition)
{
	return edition->version > 0 ? json_integer((json_int_t)edition->version) : json_null();
}

static void
print_json(const struct update *u, double seconds)
{
	json_t *object = json_pack("{s:s,s:o,s:o,s:s,s:o,s:I,s:f,s:o}", "type", u->type, "from",
		json_edition(&u->from), "to", json_edition(&u->to), "result",
		results[u->result].name, "via", u->via != NULL ? json_string(u->via) : json_null(),
		"bytes", (json_int_t)u->bytes, "seconds", seconds, "verified",
		u->verified_s > 0 ? json_integer((json_int_t)u->verified_s) : json_null());

	if (results[u->result].exit_code != CLI_OK)
		(void)json_object_set_new(object, "error", cli_json_text(u->why.text));
	cli_print_json(object);
	/* With --daemon the reader is a program that waits for the line. */
	(void)fflush(stdout);
}

static void
print_text(const struct update *u, double seconds)
{
	time_t verified = (time_t)u->verified_s;
	struct tm utc = {0};
	char text[40] = "";

	(void)printf("%s: %s", u->type, results[u->result].name);
	if (u->to.version > 0)
		(void)printf(", version %" PRIu64, u->to.version);
	if (u->via != NULL)
		(void)printf(" by %s of %s in %.1f s", u->via,
			num_bytes_text(u->bytes, text, sizeof(text)), seconds);
	if (u->verified_s > 0 && gmtime_r(&verified, &utc) != NULL &&
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		(void)printf(", verified %s", text);
	(void)putchar('\n');
	(void)fflush(stdout);
	if (results[u->result].exit_code == CLI_OK)
		return;
	(void)snprintf(text, sizeof(text), "; come back in %u s", u->retry_s);
	cli_complain("%s: %s%s", u->type, u->why.text,
		u->result == UPDATE_RETRY && u->retry_s > 0 ? text : "");
}

struct session {
	const struct arguments *a;
	struct update_client client;
	struct source source;		  /* client.server */
	struct update updates[TYPES_MAX]; /* of a->types, in their order */
};

static bool
finished(const struct update *u)
{
	return u->result != UPDATE_RETRY && u->result != UPDATE_FAILED;
}

/* What became of the question became of every type that it was asked for. */
static void
fail_open(struct session *s, const struct update *why)
{
	for (size_t i = 0; i < s->a->type_count; i++) {
		struct update *u = &s->updates[i];

		if (!u->open)
			continue;
		u->result = why->result;
		u->retry_s = why->retry_s;
		u->may_recover = why->may_recover;
		u->why = why->why;
	}
}

/*
 * What is installed goes along, so that a server answers with what is newer alone. Of a type that
 * is not installed, or not whole, such an answer would say too little: false.
 */
static bool
list_installed(const struct session *s, struct idents *ret)
{
	for (size_t i = 0; i < s->a->type_count; i++) {
		const struct update *u = &s->updates[i];
		struct ident ident = {.edition = u->to};

		if (u->to.version == 0 || (u->open && !u->home.whole))
			return false;
		(void)snprintf(ident.type, sizeof(ident.type), "%s", u->type);
		idents_add(ret, &ident);
	}
	return idents_sort(ret);
}

static bool
all_listed(const struct session *s, const struct idents *newest)
{
	for (size_t i = 0; i < s->a->type_count; i++)
		if (s->updates[i].open && idents_find(newest, s->updates[i].type) == NULL)
			return false;
	return true;
}

/* What an answer about what is newer leaves out is current, or withdrawn: the whole list tells. */
static int
ask(struct session *s, struct idents *ret, struct update *query)
{
	AUTO_IDENTS struct idents has = {0};
	bool filter = list_installed(s, &has);

	if (client_fetch_query(&s->client, filter ? &has : NULL, ret, query) != 0)
		return -1;
	return filter && !all_listed(s, ret) ? client_fetch_query(&s->client, NULL, ret, query) : 0;
}

/* An update of every type that is not finished yet, while all their locks are held. */
static void
try_all(struct session *s)
{
	AUTO_IDENTS struct idents newest = {0};
	struct update query = {0};
	bool any = false;

	for (size_t i = 0; i < s->a->type_count; i++)
		if (!finished(&s->updates[i]))
			any = client_update_begin(&s->client, &s->updates[i]) == 0 || any;
	if (any && ask(s, &newest, &query) != 0) {
		fail_open(s, &query);
		any = false;
	}
	for (size_t i = 0; i < s->a->type_count; i++) {
		struct update *u = &s->updates[i];

		if (any && u->open)
			client_update_type(&s->client, idents_find(&newest, u->type), u);
		client_update_end(u);
	}
}

/*
 * How long until it makes sense to try again, within left_ms; 0: it does not. The first time that
 * somebody told counts, as the others are asked for in the same question; where nobody did,
 * pause_ms.
 */
static uint64_t
next_try_ms(const struct session *s, uint64_t pause_ms, uint64_t left_ms)
{
	uint64_t next_ms = 0;

	for (size_t i = 0; i < s->a->type_count; i++) {
		const struct update *u = &s->updates[i];
		uint64_t ms = (uint64_t)u->retry_s * 1000;

		if (finished(u) || (u->result == UPDATE_FAILED && !u->may_recover))
			continue;
		/* To the end at the most: what was told to come later would be told so again. */
		if (ms == 0)
			ms = pause_ms < left_ms ? pause_ms : left_ms;
		if (ms <= left_ms && (next_ms == 0 || ms < next_ms))
			next_ms = ms;
	}
	return next_ms;
}

static void
sleep_ms(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	/* A stop and a continue end it early; t is what is left. */
	while (nanosleep(&t, &t) != 0)
		;
}

/* Spread by a tenth, or machines that were switched on together ask together. */
static uint64_t
spread_ms(uint64_t ms)
{
	static unsigned seed;

	if (seed == 0)
		seed = (unsigned)getpid() ^ (unsigned)clock_wall_ms();
	return ms * 9 / 10 + (uint64_t)rand_r(&seed) % (ms / 5 + 1);
}

/* One error outweighs all else; what will not come outweighs what has to be waited for. */
static int
worse(int a, int b)
{
	static const int order[] = {CLI_FAILED, EXIT_NOTHING_COMES, CLI_TRY_LATER};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return CLI_OK;
}

static int
round_of_updates(struct session *s, uint64_t wait_s)
{
	uint64_t started_ms = clock_mono_ms();
	uint64_t pause_ms = PAUSE_MS;
	int code = CLI_OK;
	uint64_t next_ms;

	for (size_t i = 0; i < s->a->type_count; i++)
		s->updates[i] = (struct update){.type = s->a->types[i],
			.directory = s->a->directory,
			.result = UPDATE_RETRY};
	/* Until all is current, or coming back would be later than the time that there is. */
	for (;;) {
		uint64_t passed_ms;

		try_all(s);
		passed_ms = clock_mono_ms() - started_ms;
		next_ms = next_try_ms(s, spread_ms(pause_ms),
			wait_s * 1000 > passed_ms ? wait_s * 1000 - passed_ms : 0);
		if (next_ms == 0)
			break;
		sleep_ms(next_ms);
		pause_ms = 2 * pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
	}
	for (size_t i = 0; i < s->a->type_count; i++) {
		const struct update *u = &s->updates[i];
		double seconds = (double)(clock_mono_ms() - started_ms) / 1000;

		(s->a->json ? print_json : print_text)(u, seconds);
		code = worse(code, results[u->result].exit_code);
	}
	return code;
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
	/* Versions are for everybody on this machine, whoever installs them, and by what umask. */
	(void)umask(022);
	s->a = &a;
	s->client = (struct update_client){.id = a.id,
		.wait_s = a.daemon ? a.interval_s : a.wait_s,
		.verify = a.verify,
		.copy = a.copy};
	if (s->client.wait_s > HOLD_MAX_S)
		s->client.wait_s = HOLD_MAX_S;
	if (origin_parse(a.server, &s->client.server, &e) != 0)
		return cli_usage("--server: %s", e.text);
	s->source.origin = &s->client.server;
	s->client.source = &s->source;
	if (upstream_new(&s->client.upstream, &e) != 0)
		return cli_fail(&e);
	do {
		code = round_of_updates(s, a.daemon ? a.interval_s : a.wait_s);
		if (a.daemon)
			sleep_ms(spread_ms(a.interval_s * 1000));
	} while (a.daemon);
	upstream_free(s->client.upstream);
	origin_free(&s->client.server);
	return code;
}
