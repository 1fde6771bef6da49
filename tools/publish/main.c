/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-publish - the cloud side: a repository of versions, their archives and
 * differences, as plain files that any web server can hand out.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/wire.h"
#include "cli.h"
#include "model/doc.h"
#include "model/header.h"
#include "base/mem.h"
#include "base/num.h"
#include "publish/publish_add.h"
#include "store/repo.h"

static const char help[] =
	"Usage: guts2-publish init REPO\n"
	"       guts2-publish add REPO --type T [OPTION]... DIR\n"
	"       guts2-publish list REPO [--json]\n"
	"Publish versions of update types in a repository of plain files.\n"
	"\n"
	"  --type T      the update type: a-z 0-9 . _ -, at most 64\n"
	"  --version N   its version, larger than the last (default: the time now)\n"
	"  --title S     a title for people (default: the type)\n"
	"  --diffs K     make differences from K versions before (0 to 200, default 40)\n"
	"  --jobs J      encode on J threads (default: one for each processor)\n"
	"  --json        list for programs\n"
	"  --help        this text\n"
	"\n"
	"add prints: TYPE VERSION COOKIE.  See guts2-publish(1).\n";

static int
fail(const struct err *e)
{
	cli_complain("%s", e->text);
	return CLI_FAILED;
}

static int
run_init(const char *path)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_BUF struct buf bytes = {0};
	struct idents none = {0};
	struct err e = {0};

	if (repo_open(path, true, &repo, &e) != 0)
		return fail(&e);
	if (repo_has(repo, "q"))
		return CLI_OK;
	wire_query_format(&none, &bytes);
	if (repo_put(repo, "q", span_of(bytes.at, bytes.len), &e) != 0)
		return fail(&e);
	return CLI_OK;
}

static int
open_repository(const char *path, struct repo **ret, struct err *e)
{
	if (repo_open(path, false, ret, e) != 0 && e->code != ERR_MISSING)
		return -1;
	if (*ret != NULL && repo_has(*ret, "q"))
		return 0;
	return err_set(e, ERR_INPUT, "%s: not a repository; make one with: guts2-publish init %s",
		path, path);
}

static int
run_add(const char *path, const struct publish_request *request)
{
	AUTO_REPO struct repo *repo = NULL;
	struct ident added;
	struct err e = {0};

	if (open_repository(path, &repo, &e) != 0 || publish_add(repo, request, &added, &e) != 0)
		return fail(&e);
	(void)printf(
		"%s %" PRIu64 " %s\n", added.type, added.edition.version, added.edition.cookie);
	return CLI_OK;
}

struct counts {
	const struct ident *versions;
	size_t count;
	unsigned *differences; /* by version */
};

static int
count_difference(void *context, const struct target *t, struct err *e)
{
	struct counts *c = context;

	(void)e;
	for (size_t i = 0; t->kind == TARGET_OFFER && t->base.version > 0 && i < c->count; i++)
		if (ident_equal(&c->versions[i], &t->ident))
			c->differences[i]++;
	return 0;
}

static void
print_row(const struct header *h, unsigned differences)
{
	char bytes[32];

	(void)printf("%-24s %12" PRIu64 " %s %6zu files %9s %4u differences  %s\n", h->ident.type,
		h->ident.edition.version, h->ident.edition.cookie, h->count,
		num_bytes_text(h->bytes, bytes, sizeof(bytes)), differences, h->title);
}

static json_t *
json_row(const struct header *h, unsigned differences)
{
	json_t *row = doc_from_ident(&h->ident);

	(void)json_object_set_new(row, "title", json_string(h->title));
	(void)json_object_set_new(row, "files", json_integer((json_int_t)h->count));
	(void)json_object_set_new(row, "bytes", json_integer((json_int_t)h->bytes));
	(void)json_object_set_new(row, "differences", json_integer((json_int_t)differences));
	return row;
}

static int
list_versions(struct repo *repo, const struct counts *c, bool json, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	json_t *rows = json_array();
	int result = 0;

	for (size_t i = 0; result == 0 && i < c->count; i++) {
		AUTO_HEADER struct header *h = NULL;

		result = repo_read_header(repo, &c->versions[i], &h, NULL, e);
		if (result == 0 && json)
			(void)json_array_append_new(rows, json_row(h, c->differences[i]));
		else if (result == 0)
			print_row(h, c->differences[i]);
	}
	doc_format(json_pack("{s:o}", "versions", rows), &text);
	if (result == 0 && json)
		(void)fputs(text.at, stdout);
	return result;
}

static int
run_list(const char *path, bool json)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_FREE struct ident *versions = NULL;
	AUTO_FREE unsigned *differences = NULL;
	struct counts c = {0};
	struct err e = {0};

	if (open_repository(path, &repo, &e) != 0 ||
		publish_add_versions(repo, NULL, &versions, &c.count, &e) != 0)
		return fail(&e);
	c.versions = versions;
	differences = mem_new(c.count, sizeof(*differences));
	c.differences = differences;
	if (repo_walk(repo, count_difference, &c, &e) != 0 ||
		list_versions(repo, &c, json, &e) != 0)
		return fail(&e);
	return CLI_OK;
}

struct arguments {
	struct publish_request request;
	bool json;
	const char *word[4]; /* command, REPO, DIR */
	int words;
};

static bool
take_option(struct arguments *a, int option)
{
	uint64_t number = 0;

	switch (option) {
	case 't':
		a->request.type = optarg;
		if (ident_type_valid(optarg))
			return true;
		(void)cli_usage(
			"--type: '%s' must be a-z 0-9 . _ - (first a letter or digit), at most %d",
			optarg, IDENT_TYPE_MAX);
		return false;
	case 'v':
		return cli_number("--version", optarg, 1, IDENT_VERSION_MAX, &a->request.version);
	case 's':
		a->request.title = optarg;
		return true;
	case 'd':
		if (!cli_number("--diffs", optarg, 0, PUBLISH_DIFFS_MAX, &number))
			return false;
		a->request.diffs = (unsigned)number;
		return true;
	case 'j':
		if (!cli_number("--jobs", optarg, 1, 256, &number))
			return false;
		a->request.jobs = (unsigned)number;
		return true;
	case 'J':
		a->json = true;
		return true;
	default:
		(void)cli_usage("see the options in --help");
		return false;
	}
}

static bool
parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {{"type", required_argument, NULL, 't'},
		{"version", required_argument, NULL, 'v'}, {"title", required_argument, NULL, 's'},
		{"diffs", required_argument, NULL, 'd'}, {"jobs", required_argument, NULL, 'j'},
		{"json", no_argument, NULL, 'J'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			(void)fputs(help, stdout);
			exit(CLI_OK);
		}
		if (!take_option(a, option))
			return false;
	}
	while (optind < argc && a->words < 4)
		a->word[a->words++] = argv[optind++];
	return true;
}

int
main(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct arguments a = {.request = {.diffs = PUBLISH_DIFFS_DEFAULT,
				      .jobs = processors > 0 ? (unsigned)processors : 1}};
	const char *command;

	if (!parse_arguments(argc, argv, &a))
		return CLI_USAGE;
	command = a.words > 0 ? a.word[0] : "";
	if (strcmp(command, "init") == 0 && a.words == 2)
		return run_init(a.word[1]);
	if (strcmp(command, "list") == 0 && a.words == 2)
		return run_list(a.word[1], a.json);
	if (strcmp(command, "add") == 0 && a.words == 3) {
		if (a.request.type == NULL)
			return cli_usage("add: --type is required");
		a.request.directory = a.word[2];
		return run_add(a.word[1], &a.request);
	}
	return cli_usage("expected: init REPO, add REPO --type T DIR, or list REPO");
}
