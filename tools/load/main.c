/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-load - what a server does under the load of many clients.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "load/load_run.h"
#include "store/repo.h"
#include "versions.h"

static const char usage[] =
	"Usage: guts2-load --server URL --clients N --type T [OPTION]...\n"
	"Simulate N clients of a guts2d: they poll, obtain what is new and check it.\n";

static const char ending[] =
	"Exit: 0 every request was answered, 1 one was not, or wrongly, or an error,\n"
	"2 usage. See guts2-load(1).\n";

enum { CLIENTS_MAX = 1000000, HISTORY_MAX = 4000, SHARES_MAX = 4100, THREADS = 2 };
enum { DAY_S = 86400, WEEK_S = 7 * DAY_S, YEAR_S = 365 * DAY_S };

/* Large: not for a stack. */
struct arguments {
	struct load_settings load; /* its editions and shares are those below */
	const char *server;
	const char *versions;
	const char *history;
	const char *plot;
	bool json;
	struct edition editions[HISTORY_MAX];
	struct load_share shares[SHARES_MAX];
};

static bool
take_speed(void *context, const char *text)
{
	double *ret = &((struct arguments *)context)->load.speed;
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	if (errno == 0 && end != text && *end == '\0' && *ret >= 0.01 && *ret <= 10000)
		return true;
	(void)cli_usage("--speed: '%s' is not a number from 0.01 to 10000", text);
	return false;
}

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"server", "URL", "http or https URL of a guts2d", .text = &a->server},
		{"clients", "N", "how many clients (1 to 1000000)", .number = &a->load.clients,
			.min = 1, .max = CLIENTS_MAX},
		{"type", "T", "the update type they have", .type = &a->load.type},
		{"versions", "DIST",
			"what they begin with: AGE:WEIGHT,... An AGE is a number of versions "
			"behind the newest (0 to 3999), A-B, or none (nothing installed); a WEIGHT "
			"1 "
			"to 1000000 (default: with --history all versions alike, else none:1)",
			.text = &a->versions},
		{"history", "DIR",
			"where those versions, at most 4000, are read from: a published "
			"repository, or a server's data/guts2/updates",
			.text = &a->history},
		{"interval", "S", "seconds between a client's polls (1 to 31536000; default 600)",
			.number = &a->load.interval_s, .min = 1, .max = YEAR_S},
		{"speed", "X",
			"let the clients' time pass X times as fast (0.01 to 10000; default 1)",
			.parse = take_speed},
		{"seconds", "S",
			"let no client come after so many real seconds (1 to 604800; default 60)",
			.number = &a->load.seconds, .min = 1, .max = WEEK_S},
		{"json", NULL, "the result as JSON", .flag = &a->json},
		{"plot", "FILE", "the share of current clients over time, as SVG",
			.text = &a->plot},
		{0},
	};
	const struct cli cli = {.usage = usage, .options = options, .ending = ending, .context = a};
	int words;

	if (cli_parse(&cli, argc, argv, &words) != CLI_OK)
		return CLI_USAGE;
	if (a->server == NULL || a->load.clients == 0 || a->load.type == NULL)
		return cli_usage("--server, --clients and --type are required");
	return CLI_OK;
}

/* ---- Which versions there were */

/* The newest first, as versions_read has them: an AGE is an index. */
static int
read_history(struct arguments *a, struct err *e)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_FREE struct ident *versions = NULL;
	size_t count;

	a->load.editions = a->editions;
	if (a->history == NULL)
		return 0;
	if (repo_open(a->history, false, &repo, e) != 0 ||
		versions_read(repo, a->load.type, &versions, &count, e) != 0)
		return -1;
	if (count > HISTORY_MAX)
		return err_set(e, ERR_LIMIT, "more than %d versions", HISTORY_MAX);
	if (count == 0)
		return err_set(
			e, ERR_MISSING, "no version of '%s' in %s", a->load.type, a->history);
	for (size_t i = 0; i < count; i++)
		a->editions[i] = versions[i].edition;
	a->load.edition_count = count;
	return 0;
}

/* ---- Who begins with which */

/* The index behind the last version stands for none, as load_run takes it. */
static bool
add_shares(struct arguments *a, uint64_t from, uint64_t to, double weight)
{
	for (uint64_t i = from; i <= to; i++) {
		if (i > a->load.edition_count || a->load.share_count == SHARES_MAX)
			return false;
		a->shares[a->load.share_count++] =
			(struct load_share){(size_t)i, weight / (double)(to - from + 1)};
	}
	return true;
}

/* AGE:WEIGHT, of so many characters. */
static bool
parse_share(struct arguments *a, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t age_len = colon != NULL ? (size_t)(colon - text) : len;
	const char *dash = memchr(text, '-', age_len);
	size_t from_len = dash != NULL ? (size_t)(dash - text) : age_len;
	uint64_t weight = 0;
	uint64_t from;
	uint64_t to;

	if (colon == NULL || !num_parse(colon + 1, len - age_len - 1, 1000000, &weight) ||
		weight == 0)
		return false;
	if (age_len == 4 && memcmp(text, "none", 4) == 0)
		return add_shares(a, a->load.edition_count, a->load.edition_count, (double)weight);
	if (!num_parse(text, from_len, HISTORY_MAX, &from))
		return false;
	to = from;
	if (dash != NULL && !num_parse(dash + 1, age_len - from_len - 1, HISTORY_MAX, &to))
		return false;
	return from <= to && to < a->load.edition_count && add_shares(a, from, to, (double)weight);
}

static bool
parse_versions(struct arguments *a)
{
	const char *at = a->versions;

	a->load.shares = a->shares;
	if (at == NULL && a->load.edition_count > 0)
		return add_shares(a, 0, a->load.edition_count - 1, 1);
	if (at == NULL)
		return add_shares(a, 0, 0, 1);
	for (;;) {
		size_t len = strcspn(at, ",");

		if (!parse_share(a, at, len)) {
			(void)cli_usage(
				"--versions: '%.*s' is not AGE:WEIGHT, with an AGE of none or one "
				"of %zu versions that --history knows",
				(int)len, at, a->load.edition_count);
			return false;
		}
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}

/* ---- */

/*
 * Nothing but the flag is safe here; load_run ends by itself and there is a report. Who does not
 * want to wait for it interrupts a second time.
 */
static void
on_signal(int number)
{
	(void)number;
	load_run_stopped = true;
}

static bool
write_plot(const struct load_report *report, const char *path)
{
	FILE *to = fopen(path, "we");
	bool good;

	if (to == NULL) {
		cli_complain("--plot: %s: %s", path, strerror(errno));
		return false;
	}
	load_stats_print_svg(report, to);
	good = ferror(to) == 0;
	/* A disk that is full may show only now. */
	good = fclose(to) == 0 && good;
	if (!good)
		cli_complain("--plot: %s: cannot write", path);
	return good;
}

static int
run(struct arguments *a)
{
	const struct sigaction once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	struct load_report report;
	struct err e = {0};
	int code = CLI_OK;

	if (a->load.server->scheme == ORIGIN_FILE)
		return cli_usage("--server: a directory bears no load");
	if (read_history(a, &e) != 0) {
		cli_complain("--history: %s", e.text);
		return CLI_FAILED;
	}
	if (!parse_versions(a))
		return CLI_USAGE;
	(void)sigaction(SIGINT, &once, NULL);
	(void)sigaction(SIGTERM, &once, NULL);
	if (load_run(&a->load, &report, &e) != 0)
		return cli_fail(&e);
	(a->json ? load_stats_print_json : load_stats_print_text)(&report);
	if ((a->plot != NULL && !write_plot(&report, a->plot)) ||
		!load_stats_is_good(&report.counts))
		code = CLI_FAILED;
	free((void *)report.samples);
	return code;
}

int
main(int argc, char **argv)
{
	AUTO_FREE struct arguments *a = mem_new(1, sizeof(*a));
	struct origin server;
	struct err e = {0};
	int code;

	a->load = (struct load_settings){.server = &server,
		.interval_s = 600,
		.speed = 1,
		.seconds = 60,
		.threads = THREADS};
	if (parse_arguments(argc, argv, a) != CLI_OK)
		return CLI_USAGE;
	if (origin_parse(a->server, &server, &e) != 0)
		return cli_usage("--server: %s", e.text);
	code = run(a);
	origin_free(&server);
	return code;
}
