/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-publish - the cloud side: a repository of versions, their archives and
 * differences, as plain files that any web server can hand out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/doc.h"
#include "model/header.h"
#include "model/wire.h"
#include "publish/publish_add.h"
#include "publish/publish_init.h"
#include "store/repo.h"
#include "versions.h"

static const char usage[] = "Usage: guts2-publish init REPO\n"
			    "       guts2-publish add REPO --type T [OPTION]... DIR\n"
			    "       guts2-publish list REPO [--json]\n"
			    "Publish versions of update types in a repository of plain files.\n";

static const char ending[] =
	"add prints: TYPE VERSION COOKIE.\n"
	"Exit: 0 done, 1 error, 2 usage, 75 another publisher is at work there.\n"
	"See guts2-publish(1).\n";

static int
run_init(const char *path)
{
	AUTO_IDENTS struct idents found = {0};
	struct err e = {0};

	if (publish_init(path, &found, &e) != 0)
		return cli_fail(&e);
	for (size_t i = 0; i < found.count; i++)
		cli_complain("announced again: %s %" PRIu64 " %s", found.at[i].type,
			found.at[i].edition.version, found.at[i].edition.cookie);
	return CLI_OK;
}

static int
open_repository(const char *path, struct repo **ret, struct err *e)
{
	/* A directory without `q` is one that somebody named by mistake. */
	if (repo_open(path, false, ret, e) != 0 && e->code != ERR_MISSING)
		return -1;
	if (*ret != NULL && repo_has(*ret, "q"))
		return 0;
	return err_set(e, ERR_INPUT, "%s: not a repository; begin one with: guts2-publish init %s",
		path, path);
}

static int
run_add(const char *path, const struct publish_request *request)
{
	AUTO_REPO struct repo *repo = NULL;
	struct ident added;
	struct err e = {0};

	if (open_repository(path, &repo, &e) != 0 || publish_add(repo, request, &added, &e) != 0)
		return cli_fail(&e);
	(void)printf(
		"%s %" PRIu64 " %s\n", added.type, added.edition.version, added.edition.cookie);
	return CLI_OK;
}

struct counts {
	const struct ident *versions;
	size_t count;
	unsigned *differences; /* by version */
};

/* Offers are counted by the version they lead to. */
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
print_version(const struct header *h, unsigned differences)
{
	AUTO_FREE char *title = cli_cleaned(h->title);
	char bytes[32];

	(void)printf("%-24s %12" PRIu64 " %s %6zu files %9s %4u differences  %s\n", h->ident.type,
		h->ident.edition.version, h->ident.edition.cookie, h->count,
		num_bytes_text(h->bytes, bytes, sizeof(bytes)), differences, title);
}

static json_t *
version_object(const struct header *h, unsigned differences)
{
	json_t *object = doc_from_ident(&h->ident);

	(void)json_object_set_new(object, "title", json_string(h->title));
	(void)json_object_set_new(object, "files", json_integer((json_int_t)h->count));
	(void)json_object_set_new(object, "bytes", json_integer((json_int_t)h->bytes));
	(void)json_object_set_new(object, "differences", json_integer((json_int_t)differences));
	return object;
}

static int
list_versions(struct repo *repo, const struct counts *c, bool json, struct err *e)
{
	AUTO_DOC json_t *objects = json_array();
	int result = 0;

	for (size_t i = 0; result == 0 && i < c->count; i++) {
		AUTO_HEADER struct header *h = NULL;

		result = repo_read_header(repo, &c->versions[i], &h, NULL, e);
		if (result == 0 && json)
			(void)json_array_append_new(objects, version_object(h, c->differences[i]));
		else if (result == 0)
			print_version(h, c->differences[i]);
	}
	if (result == 0 && json)
		cli_print_json(json_pack("{s:O}", "versions", objects));
	return result;
}

/* One walk for all differences, then a header for each version. */
static int
run_list(const char *path, bool json)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_FREE struct ident *versions = NULL;
	AUTO_FREE unsigned *differences = NULL;
	struct counts c = {0};
	struct err e = {0};

	if (open_repository(path, &repo, &e) != 0 ||
		versions_read(repo, NULL, &versions, &c.count, &e) != 0)
		return cli_fail(&e);
	c.versions = versions;
	differences = mem_new(c.count, sizeof(*differences));
	c.differences = differences;
	if (repo_walk(repo, count_difference, &c, &e) != 0 ||
		list_versions(repo, &c, json, &e) != 0)
		return cli_fail(&e);
	return CLI_OK;
}

enum { WORDS_MAX = 3, JOBS_MAX = 256 };

struct arguments {
	struct publish_request request;
	bool json;
	const char *word[WORDS_MAX]; /* command, REPO, DIR */
	int words;
};

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"type", "T", "the update type: a-z 0-9 . _ -, at most 64",
			.type = &a->request.type},
		{"version", "N", "its version, larger than the last (default: the time now)",
			.number = &a->request.version, .min = 1, .max = IDENT_VERSION_MAX},
		{"title", "S", "a title for people, at most 1,000 bytes (default: the type)",
			.text = &a->request.title},
		{"diffs", "K", "build differences from K versions before (0 to 200, default 40)",
			.number = &a->request.diffs, .min = 0, .max = PUBLISH_DIFFS_MAX},
		{"jobs", "J", "encode on J threads (default: one for each processor)",
			.number = &a->request.jobs, .min = 1, .max = JOBS_MAX},
		{"json", NULL, "list for programs", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage,
		.options = options,
		.ending = ending,
		.words = a->word,
		.words_max = WORDS_MAX};

	return cli_parse(&cli, argc, argv, &a->words);
}

/* What a reader would refuse must not be published: a version cannot be taken back. */
static int
check_title(const char *title)
{
	if (title == NULL)
		return CLI_OK;
	if (strlen(title) > PUBLISH_TITLE_BYTES_MAX)
		return cli_usage("--title: at most %d bytes", PUBLISH_TITLE_BYTES_MAX);
	if (!doc_text_plain(title))
		return cli_usage("--title: must be UTF-8, without control characters and "
				 "marks of direction");
	return CLI_OK;
}

int
main(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct arguments a = {.request = {.diffs = PUBLISH_DIFFS_DEFAULT,
				      .jobs = processors > 0 ? (uint64_t)processors : 1}};
	const char *command;

	/* A repository is there to be read by others, whoever publishes: guts2-publish(1), FILES.
	 */
	(void)umask(022);
	if (parse_arguments(argc, argv, &a) != CLI_OK)
		return CLI_USAGE;
	command = a.words > 0 ? a.word[0] : "";
	if (strcmp(command, "init") == 0 && a.words == 2)
		return run_init(a.word[1]);
	if (strcmp(command, "list") == 0 && a.words == 2)
		return run_list(a.word[1], a.json);
	if (strcmp(command, "add") == 0 && a.words == 3) {
		if (a.request.type == NULL)
			return cli_usage("add: --type is required");
		if (check_title(a.request.title) != CLI_OK)
			return CLI_USAGE;
		a.request.directory = a.word[2];
		return run_add(a.word[1], &a.request);
	}
	return cli_usage("expected: init REPO, add REPO --type T DIR, or list REPO");
}
