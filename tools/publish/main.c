/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-publish - the cloud side: a repository of versions, their archives and
 * differences, as plain files that any web server can hand out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>

#include "base/loop.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/doc.h"
#include "model/header.h"
#include "model/wire.h"
#include "publish/publish_add.h"
#include "publish/publish_init.h"
#include "signed_tree_commit.h"
#include "store/repo.h"
#include "versions.h"

static const char usage[] = "Usage: guts2-publish COMMAND REPO [DIR] [OPTION]...\n"
			    "Publish versions of update types in a repository of plain files.\n";

static const char ending[] =
	"add and rollback print: TYPE VERSION COOKIE.\n"
	"Exit: 0 done, 1 error, 2 usage, 75 another publisher is at work there.\n"
	"See guts2-publish(1).\n";

enum { WORDS_MAX = 3, JOBS_MAX = 256, ADVISORY_BYTES_MAX = 1000 };

struct arguments {
	struct publish_request request;
	struct publish_signing signing;
	struct keys_given given;
	struct keys keys;
	bool json;
	const char *word[WORDS_MAX]; /* command, REPO, DIR */
	int words;
};

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
run_add(struct arguments *a)
{
	AUTO_REPO struct repo *repo = NULL;
	struct ident added;
	struct err e = {0};

	if (open_repository(a->word[1], &repo, &e) != 0 ||
		publish_add(repo, &a->request, &added, &e) != 0)
		return cli_fail(&e);
	(void)printf(
		"%s %" PRIu64 " %s\n", added.type, added.edition.version, added.edition.cookie);
	return CLI_OK;
}

/* ---- Roles */

struct signing_again {
	const struct arguments *a;
	struct signed_tree *tree;
	struct repo *repo;
	unsigned count;
};

/* Without --type each that these keys may sign. */
static int
sign_type(void *context, const char *type, struct err *e)
{
	struct signing_again *s = context;
	struct verdict_basis basis;

	if (signed_tree_basis(s->tree, ROLE_TARGETS, type, &basis, e) != 0)
		return -1;
	if (keys_count(&s->a->keys, basis.keys, basis.who) < basis.who->threshold)
		return 0;
	s->count++;
	return publish_role_sign(s->tree, s->repo, type, &s->a->signing, e);
}

static int
sign_roles(struct signing_again *s, struct err *e)
{
	const char *type = s->a->request.type;

	if (type != NULL) {
		signed_tree_accept(s->tree, type);
		return signed_tree_check_keys(s->tree, type, &s->a->keys, e) == 0
			       ? sign_type(s, type, e)
			       : -1;
	}
	if (signed_tree_each_type(s->tree, sign_type, s, e) != 0)
		return -1;
	return s->count > 0 ? 0
			    : err_set(e, ERR_INPUT,
				      "these keys may sign no type; see guts2-sign delegate");
}

static int
change_roles(const struct arguments *a, struct repo *repo, struct signed_tree *tree, struct err *e)
{
	struct signing_again s = {a, tree, repo, 0};
	struct ident ident = {.edition.version = a->request.version};
	const char *type = a->request.type;
	uint64_t timestamp;
	int result;

	if (!signed_tree_has_root(tree))
		return err_set(e, ERR_INPUT, "%s: not signed; see guts2-sign(1)", a->word[1]);
	if (strcmp(a->word[0], "sign") == 0)
		result = sign_roles(&s, e);
	else if ((result = signed_tree_check_keys(tree, type, &a->keys, e)) == 0) {
		(void)snprintf(ident.type, sizeof(ident.type), "%s", type);
		result = publish_role_withdraw(tree, repo, &ident, &a->signing, e);
	}
	return result == 0 ? signed_tree_commit(tree, &a->keys, &timestamp, e) : -1;
}

/* sign and withdraw. */
static int
run_roles(const struct arguments *a)
{
	AUTO_REPO struct repo *repo = NULL;
	struct signed_tree *tree = NULL;
	struct err e = {0};
	int result = -1;

	if (open_repository(a->word[1], &repo, &e) == 0 && repo_lock(repo, &e) == 0 &&
		signed_tree_open(repo, &tree, &e) == 0)
		result = change_roles(a, repo, tree, &e);
	signed_tree_close(tree);
	if (result != 0)
		return cli_fail(&e);
	(void)printf("%s: %s\n", a->word[1],
		strcmp(a->word[0], "sign") == 0 ? "signed, for 90 days from now"
						: "the version is listed and announced no more");
	return CLI_OK;
}

/* ---- What there is */

struct counts {
	const struct ident *versions;
	size_t count;
	unsigned *differences;		/* by version */
	const struct signed_tree *tree; /* without a root: nothing is signed */
	struct metadata *role;		/* of the type of the version that is looked at */
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

/* Of one version. */
struct shown {
	const struct header *header;
	unsigned differences;
	bool is_signed; /* its type is: */
	bool listed;
	bool expired; /* what lists it */
};

static void
print_version(const struct shown *v)
{
	const struct header *h = v->header;
	AUTO_FREE char *title = cli_cleaned(h->title);
	char bytes[32];

	(void)printf("%-24s %12" PRIu64 " %s %6zu files %9s %4u differences  %s%s\n", h->ident.type,
		h->ident.edition.version, h->ident.edition.cookie, h->count,
		num_bytes_text(h->bytes, bytes, sizeof(bytes)), v->differences,
		!v->is_signed ? ""
		: !v->listed  ? "not listed  "
		: v->expired  ? "expired   "
			      : "signed    ",
		title);
}

static json_t *
version_object(const struct shown *v)
{
	const struct header *h = v->header;
	json_t *object = doc_from_ident(&h->ident);

	(void)json_object_set_new(object, "title", json_string(h->title));
	(void)json_object_set_new(object, "files", json_integer((json_int_t)h->count));
	(void)json_object_set_new(object, "bytes", json_integer((json_int_t)h->bytes));
	(void)json_object_set_new(object, "differences", json_integer((json_int_t)v->differences));
	(void)json_object_set_new(object, "listed",
		v->is_signed ? json_boolean(v->listed && !v->expired) : json_null());
	return object;
}

/* Versions of a type follow each other: its role is read once. */
static void
look_at_role(struct counts *c, size_t i)
{
	if (i > 0 && strcmp(c->versions[i].type, c->versions[i - 1].type) == 0)
		return;
	metadata_free(c->role);
	c->role = signed_tree_has_root(c->tree)
			  ? signed_tree_role_of_type(c->tree, c->versions[i].type)
			  : NULL;
}

static int
list_versions(struct repo *repo, struct counts *c, bool json, struct err *e)
{
	AUTO_DOC json_t *objects = json_array();
	int result = 0;

	for (size_t i = 0; result == 0 && i < c->count; i++) {
		AUTO_HEADER struct header *h = NULL;
		char name[IDENT_NAME_MAX];
		struct shown v;

		look_at_role(c, i);
		result = repo_read_header(repo, &c->versions[i], &h, NULL, e);
		(void)ident_header_name(&c->versions[i], name);
		v = (struct shown){h, c->differences[i], c->role != NULL,
			c->role != NULL && metadata_find(c->role, name) != NULL,
			c->role != NULL && c->role->expires_s <= time(NULL)};
		if (result == 0 && json)
			(void)json_array_append_new(objects, version_object(&v));
		else if (result == 0)
			print_version(&v);
	}
	metadata_free(c->role);
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
	struct signed_tree *tree = NULL;
	struct counts c = {0};
	struct err e = {0};
	int result;

	if (open_repository(path, &repo, &e) != 0 ||
		versions_read(repo, NULL, &versions, &c.count, &e) != 0 ||
		signed_tree_open(repo, &tree, &e) != 0)
		return cli_fail(&e);
	c.versions = versions;
	differences = mem_new(c.count, sizeof(*differences));
	c.differences = differences;
	c.tree = tree;
	result = repo_walk(repo, count_difference, &c, &e) == 0 &&
				 list_versions(repo, &c, json, &e) == 0
			 ? 0
			 : -1;
	signed_tree_close(tree);
	return result == 0 ? CLI_OK : cli_fail(&e);
}

/* ---- Arguments */

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct cli_command commands[] = {
		{"init", "REPO", "begin a repository, or make a damaged announcement anew", 1, 1},
		{"add", "REPO DIR", "a version of --type with the files of DIR", 2, 2},
		{"rollback", "REPO", "a version of --type with the files of the version --to", 1,
			1},
		{"withdraw", "REPO", "--version of --type is announced, and signed, no more", 1, 1},
		{"sign", "REPO", "what is listed of --type, or of all, for 90 days from now", 1, 1},
		{"list", "REPO", "the versions that are there", 1, 1},
		{0},
	};
	const struct cli_option options[] = {
		{"type", "T", "the update type: a-z 0-9 . _ -, at most 64",
			.type = &a->request.type},
		{"version", "N", "its version, larger than the last (default: the time now)",
			.number = &a->request.version, .min = 1, .max = IDENT_VERSION_MAX},
		{"to", "N", "of rollback: the version whose files are published once more",
			.number = &a->request.content_of, .min = 1, .max = IDENT_VERSION_MAX},
		{"title", "S", "a title for people, at most 1,000 bytes (default: the type)",
			.text = &a->request.title},
		{"diffs", "K", "build differences from K versions before (0 to 200, default 40)",
			.number = &a->request.diffs, .min = 0, .max = PUBLISH_DIFFS_MAX},
		{"jobs", "J", "encode on J threads (default: one for each processor)",
			.number = &a->request.jobs, .min = 1, .max = JOBS_MAX},
		KEYS_OPTIONS(&a->given),
		{"listed", "K", "sign the K newest versions (1 to 5,000, default 40)",
			.number = &a->signing.list, .min = 1, .max = PUBLISH_LIST_MAX},
		{"security", NULL, "the version mends a hole: signed with it",
			.flag = &a->signing.security},
		{"advisory", "URL", "where it is said what the version mends: signed with it",
			.text = &a->signing.advisory},
		{"json", NULL, "list for programs", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage,
		.commands = commands,
		.options = options,
		.ending = ending,
		.context = a,
		.words = a->word,
		.words_max = WORDS_MAX};

	return cli_parse(&cli, argc, argv, &a->words);
}

/* What a reader would refuse must not be published. */
static int
check_text(const char *option, const char *text, size_t max)
{
	if (text == NULL)
		return CLI_OK;
	if (strlen(text) > max)
		return cli_usage("%s: at most %zu bytes", option, max);
	if (!doc_text_plain(text))
		return cli_usage(
			"%s: must be UTF-8, without control characters and marks of direction",
			option);
	return CLI_OK;
}

static int
check_advisory(const char *url)
{
	if (check_text("--advisory", url, ADVISORY_BYTES_MAX) != CLI_OK)
		return CLI_USAGE;
	if (url != NULL && strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return cli_usage("--advisory %s: must begin with https:// or http://", url);
	return CLI_OK;
}

/* What a command cannot do without. */
static int
check_arguments(const struct arguments *a)
{
	const char *command = a->word[0];

	if (strcmp(command, "sign") != 0 && a->request.type == NULL)
		return cli_usage("%s: --type is required", command);
	if (strcmp(command, "rollback") == 0 && a->request.content_of == 0)
		return cli_usage("rollback: --to is required");
	if (strcmp(command, "withdraw") == 0 && a->request.version == 0)
		return cli_usage("withdraw: --version is required");
	return check_text("--title", a->request.title, PUBLISH_TITLE_BYTES_MAX) == CLI_OK
		       ? check_advisory(a->signing.advisory)
		       : CLI_USAGE;
}

static int
run_changing(struct arguments *a)
{
	struct err e = {0};

	if (check_arguments(a) != CLI_OK)
		return CLI_USAGE;
	if (keys_open(&a->given, &a->keys, &e) != 0)
		return cli_fail(&e);
	if (strcmp(a->word[0], "add") != 0 && strcmp(a->word[0], "rollback") != 0)
		return run_roles(a);
	a->request.directory = a->words > 2 ? a->word[2] : NULL;
	return run_add(a);
}

int
main(int argc, char **argv)
{
	struct arguments a = {
		.request = {.diffs = PUBLISH_DIFFS_DEFAULT, .jobs = loop_processors()},
		.signing = {.list = PUBLISH_LIST_DEFAULT}};
	int code;

	/* A repository is there to be read by others, whoever publishes: guts2-publish(1), FILES.
	 */
	(void)umask(022);
	if (parse_arguments(argc, argv, &a) != CLI_OK)
		return CLI_USAGE;
	a.signing.keys = &a.keys;
	a.request.signing = &a.signing;
	if (strcmp(a.word[0], "init") == 0)
		return run_init(a.word[1]);
	if (strcmp(a.word[0], "list") == 0)
		return run_list(a.word[1], a.json);
	code = run_changing(&a);
	keys_close(&a.keys);
	return code;
}
