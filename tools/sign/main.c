/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-sign - keys, and the documents that they sign: who may say what is installed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "sign/sign_document.h"
#include "sign/sign_init.h"
#include "sign/sign_tree.h"
#include "sign/sign_verify.h"

static const char usage[] = "Usage: guts2-sign COMMAND WORD... [OPTION]...\n"
			    "Make keys, and write and sign the documents of guts2-trust(7).\n";

static const char ending[] =
	"A FILE that somebody has signed becomes the next version when it is changed.\n"
	"Exit: 0 done, 1 error, 2 usage, 75 a publisher is at work there.\n"
	"See guts2-sign(1).\n";

enum { WORDS_MAX = 4, DAYS_MAX = 3660 };

/* The public halves of those who sign a type. */
struct publics {
	const char *at[KEYS_MAX];
	size_t count;
};

struct arguments {
	const char *word[WORDS_MAX];
	int words;
	const char *scheme;
	struct sign_init init;
	struct sign_changes changes;
	struct publics publics; /* of a delegation */
	struct keys_given keys; /* that sign */
	uint64_t threshold;
	const char *root; /* that clients begin with */
	bool json;
};

/* ---- What is said: what was done, and what comes next */

/* A root says itself who has to sign it; of targets its root does. */
static void
say_document(const char *path, const struct sign_state *s)
{
	(void)printf(
		"%s: %s, version %" PRIu64 "\n", path, metadata_role_name(s->role), s->version);
	if (s->required > 0)
		(void)printf("signed by %u of the %u that have to\n", s->signatures, s->required);
	if (s->required > 0 && s->signatures >= s->required)
		(void)printf(
			"next: guts2-sign publish REPO %s; where it takes keys away, as many of "
			"those before have to sign, too\n",
			path);
	else if (s->required > 0 || !s->is_signed)
		(void)printf("next: guts2-sign sign %s --key KEY, by %s\n", path,
			s->signatures > 0 ? "another of them" : "one of those who have to");
	else if (s->role == ROLE_TARGETS)
		(void)printf(
			"next: guts2-sign publish REPO %s, once as many as the root wants have "
			"signed it\n",
			path);
}

/* ---- Options */

/* ROLE=TEXT. NULL: it is not, after a complaint. */
static const char *
take_role(const char *option, const char *text, enum role *ret)
{
	const char *equals = strchr(text, '=');
	size_t len = equals != NULL ? (size_t)(equals - text) : 0;

	for (int role = 0; equals != NULL && equals[1] != '\0' && role < ROLE_COUNT; role++) {
		const char *name = metadata_role_name((enum role)role);

		if (strlen(name) == len && memcmp(name, text, len) == 0) {
			*ret = (enum role)role;
			return equals + 1;
		}
	}
	(void)cli_usage(
		"%s %s: expected ROLE=..., of root, timestamp, snapshot, targets", option, text);
	return NULL;
}

static struct sign_change *
next_change(struct arguments *a, const char *option)
{
	if (a->changes.count < SIGN_CHANGES_MAX)
		return &a->changes.at[a->changes.count++];
	(void)cli_usage("%s: more than %d changes at once", option, SIGN_CHANGES_MAX);
	return NULL;
}

static bool
parse_change(struct arguments *a, const char *option, enum sign_what what, const char *text)
{
	struct sign_change *c = next_change(a, option);

	if (c == NULL)
		return false;
	c->what = what;
	c->text = take_role(option, text, &c->role);
	return c->text != NULL;
}

static bool
parse_add(void *context, const char *text)
{
	return parse_change(context, "--add", SIGN_ADD, text);
}

static bool
parse_remove(void *context, const char *text)
{
	return parse_change(context, "--remove", SIGN_REMOVE, text);
}

/* N of a delegation; ROLE=N of a root. */
static bool
parse_threshold(void *context, const char *text)
{
	struct arguments *a = context;
	struct sign_change *c;
	uint64_t number;

	if (strchr(text, '=') == NULL)
		return cli_number("--threshold", text, 1, SIGNERS_MAX, &a->threshold);
	if (!parse_change(a, "--threshold", SIGN_THRESHOLD, text))
		return false;
	c = &a->changes.at[a->changes.count - 1];
	if (!cli_number("--threshold", c->text, 1, SIGNERS_MAX, &number))
		return false;
	c->threshold = (unsigned)number;
	return true;
}

static bool
parse_public(void *context, const char *text)
{
	struct publics *publics = &((struct arguments *)context)->publics;

	if (publics->count == KEYS_MAX) {
		(void)cli_usage("--public: more than %d keys at once", KEYS_MAX);
		return false;
	}
	publics->at[publics->count++] = text;
	return true;
}

static bool
parse_type(void *context, const char *text)
{
	struct sign_init *init = &((struct arguments *)context)->init;

	if (!cli_type("--type", text))
		return false;
	if (init->type_count == SIGN_INIT_TYPES_MAX) {
		(void)cli_usage("--type: more than %d types at once", SIGN_INIT_TYPES_MAX);
		return false;
	}
	init->types[init->type_count++] = text;
	return true;
}

static const struct cli_command commands[] = {
	{"key", "new FILE", "a private key in FILE, its public half in FILE.pub", 2, 2},
	{"init", "REPO DIR",
		"REPO is signed from now on, by keys that are made in DIR; its types are "
		"those it announces, and each --type",
		2, 2},
	{"root", "FILE", "begin or change a root: --add, --remove, --threshold", 1, 1},
	{"delegate", "FILE TYPE", "begin or change targets: TYPE is signed by --public", 2, 2},
	{"revoke", "FILE TYPE", "nobody signs TYPE any more", 2, 2},
	{"sign", "FILE", "one more signature, of each --key", 1, 1},
	{"publish", "REPO FILE [TYPE]",
		"a document that is signed becomes that of REPO, or of TYPE there", 2, 3},
	{"refresh", "REPO", "list what is published anew, signed by --key", 1, 1},
	{"verify", "REPO", "all of it, as a client sees it", 1, 1},
	{"status", "REPO", "the same; exit 1 where something is to be signed soon", 1, 1},
	{0},
};

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"type", "T", "of init: a type that is not announced yet; again for more",
			.parse = parse_type},
		{"add", "ROLE=PUB", "the key in the file PUB signs for ROLE; again for more",
			.parse = parse_add},
		{"remove", "ROLE=ID", "the key of this id signs for ROLE no more",
			.parse = parse_remove},
		{"threshold", "[ROLE=]N", "so many have to sign for ROLE, or for the type",
			.parse = parse_threshold},
		{"public", "PUB", "the key in the file PUB signs the type; again for more",
			.parse = parse_public},
		KEYS_OPTIONS(&a->keys),
		{"expires", "DAYS", "so long is it good (default: 365)", .number = &a->changes.days,
			.min = 1, .max = DAYS_MAX},
		{"scheme", "S",
			"of a new key: ed25519 (default), ecdsa-sha2-nistp256 or "
			"rsassa-pss-sha256",
			.text = &a->scheme},
		{"root", "FILE", "clients begin with this root (default: the first of REPO)",
			.text = &a->root},
		{"json", NULL, "verify and status for programs", .flag = &a->json},
		{"no-passphrase", NULL, "a new key is not encrypted: for timers",
			.flag = &a->keys.passphrase.none},
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

/* ---- Commands */

static int
run_key(const struct arguments *a)
{
	char id[DRAFT_ID_MAX];
	struct key *key;
	struct err e = {0};

	if (strcmp(a->word[1], "new") != 0)
		return cli_usage("key %s: expected key new FILE", a->word[1]);
	key = keys_new(a->word[2], a->scheme, &a->keys.passphrase, &e);
	if (key == NULL)
		return cli_fail(&e);
	(void)draft_key_id(key, id);
	key_free(key);
	(void)printf("%s: a private key, for nobody else; its id is %s\n"
		     "next: give %s.pub to whoever writes the document that is to name it\n",
		a->word[2], id, a->word[2]);
	return CLI_OK;
}

static int
run_init(struct arguments *a)
{
	const char *repo = a->word[1];
	const char *dir = a->word[2];
	struct err e = {0};

	a->init.repo = repo;
	a->init.directory = dir;
	a->init.scheme = a->scheme;
	a->init.passphrase = &a->keys.passphrase;
	if (sign_init(&a->init, &e) != 0)
		return cli_fail(&e);
	(void)printf("%s is signed; %d of %s/root-1, root-2 and root-3 make the next root\n"
		     "next: guts2-publish sign %s --key %s/types --key %s/online\n"
		     "then: give %s/root.json to servers and clients (guts2-trust(7), PINNING);\n"
		     "      carry all keys but types and online away, to different people;\n"
		     "      guts2-sign refresh %s --key %s/online, once a day\n",
		repo, SIGN_INIT_ROOTS_NEEDED, dir, repo, dir, dir, dir, repo, dir);
	return CLI_OK;
}

static int
open_keys(const struct arguments *a, struct keys *ret)
{
	struct err e = {0};

	if (a->keys.count == 0)
		return cli_usage("%s: --key or --signer is required", a->word[0]);
	return keys_open(&a->keys, ret, &e) == 0 ? CLI_OK : cli_fail(&e);
}

static int
run_sign(const struct arguments *a)
{
	AUTO_KEYS struct keys keys = {0};
	struct sign_state state = {0};
	struct err e = {0};
	int code = open_keys(a, &keys);

	if (code != CLI_OK)
		return code;
	if (sign_document_sign(a->word[1], &keys, &state, &e) != 0)
		return cli_fail(&e);
	if (state.strangers > 0)
		cli_complain(
			"warning: %u of these keys do not sign this root, by what it says; if they "
			"do not sign the one before either, they count for nobody",
			state.strangers);
	say_document(a->word[1], &state);
	return CLI_OK;
}

static int
run_publish(const struct arguments *a)
{
	const char *type = a->words > 3 ? a->word[3] : NULL;
	struct sign_state state = {0};
	struct err e = {0};

	if (type != NULL && !cli_type("publish", type))
		return CLI_USAGE;
	if (sign_tree_publish(a->word[1], a->word[2], type, &state, &e) != 0)
		return cli_fail(&e);
	(void)printf(
		"%s: %s, version %" PRIu64 " is published\n"
		"next: guts2-sign refresh %s --key KEY, with those of snapshot and timestamp\n",
		a->word[1], metadata_role_name(state.role), state.version, a->word[1]);
	return CLI_OK;
}

static int
run_refresh(const struct arguments *a)
{
	AUTO_KEYS struct keys keys = {0};
	struct sign_state state = {0};
	struct err e = {0};
	int code = open_keys(a, &keys);

	if (code != CLI_OK)
		return code;
	if (sign_tree_refresh(a->word[1], &keys, &state, &e) != 0)
		return cli_fail(&e);
	(void)printf("%s: timestamp, version %" PRIu64 "\n", a->word[1], state.version);
	return CLI_OK;
}

/* ---- What there is, and how long it is good */

struct report {
	int64_t now_s;
	json_t *roles;	   /* NULL: for people */
	json_t *unsigned_; /* the same */
	bool late;	   /* something is to be signed soon */
};

/* So many days before it expires somebody should sign: root and targets take people together. */
static int64_t
warning_days(const char *role)
{
	if (strcmp(role, "root") == 0 || strcmp(role, "targets") == 0)
		return 60;
	if (strcmp(role, "snapshot") == 0)
		return 7;
	return strcmp(role, "timestamp") == 0 ? 1 : 14;
}

static void
report_role(void *context, const char *name, const struct metadata *m)
{
	struct report *r = context;
	int64_t hours = (m->expires_s - r->now_s) / 3600;
	bool late = hours < 24 * warning_days(name);

	r->late = r->late || late;
	if (r->roles != NULL)
		(void)json_array_append_new(r->roles,
			json_pack("{s:o,s:I,s:I,s:b,s:I}", "role", cli_json_text(name), "version",
				(json_int_t)m->version, "expires", (json_int_t)m->expires_s, "soon",
				late, "lists", (json_int_t)m->file_count));
	else
		(void)printf("%-12s version %13" PRIu64 "  %5zu listed  good for %" PRId64
			     " days and %" PRId64 " hours%s\n",
			name, m->version, m->file_count, hours / 24, hours % 24,
			late ? ": to be signed again" : "");
}

static void
report_unsigned(void *context, const char *type)
{
	struct report *r = context;

	if (r->unsigned_ != NULL)
		(void)json_array_append_new(r->unsigned_, json_string(type));
	else
		(void)printf("%-24s is announced, and not signed: nobody may\n", type);
}

static int
run_verify(const struct arguments *a)
{
	struct report report = {.now_s = time(NULL),
		.roles = a->json ? json_array() : NULL,
		.unsigned_ = a->json ? json_array() : NULL};
	const struct sign_visitor visitor = {report_role, report_unsigned, &report};
	struct err e = {0};
	int code = CLI_OK;

	if (sign_verify(a->word[1], a->root, report.now_s, &visitor, &e) != 0)
		code = cli_fail(&e);
	else if (report.late && strcmp(a->word[0], "status") == 0)
		code = CLI_FAILED;
	if (report.roles != NULL)
		cli_print_json(json_pack("{s:o,s:o,s:b,s:o}", "roles", report.roles, "unsigned",
			report.unsigned_, "trusted", e.code == ERR_NONE, "error",
			e.code == ERR_NONE ? json_null() : cli_json_text(e.text)));
	return code;
}

static int
run_change(const struct arguments *a)
{
	struct sign_state state = {0};
	struct err e = {0};
	int result;

	if (strcmp(a->word[0], "root") == 0) {
		result = sign_document_root(a->word[1], &a->changes, &state, &e);
	} else if (!cli_type(a->word[0], a->word[2])) {
		return CLI_USAGE;
	} else if (strcmp(a->word[0], "revoke") == 0) {
		result = sign_document_revoke(a->word[1], a->word[2], a->changes.days, &state, &e);
	} else {
		if (a->publics.count < a->threshold)
			return cli_usage("delegate: --public is required, as often as --threshold");
		result = sign_document_delegate(a->word[1], a->word[2], a->publics.at,
			a->publics.count, (unsigned)a->threshold, a->changes.days, &state, &e);
	}
	if (result != 0)
		return cli_fail(&e);
	say_document(a->word[1], &state);
	return CLI_OK;
}

int
main(int argc, char **argv)
{
	struct arguments a = {.scheme = "ed25519", .threshold = 1};

	if (parse_arguments(argc, argv, &a) != CLI_OK)
		return CLI_USAGE;
	if (strcmp(a.word[0], "key") == 0)
		return run_key(&a);
	if (strcmp(a.word[0], "init") == 0)
		return run_init(&a);
	if (strcmp(a.word[0], "sign") == 0)
		return run_sign(&a);
	if (strcmp(a.word[0], "publish") == 0)
		return run_publish(&a);
	if (strcmp(a.word[0], "refresh") == 0)
		return run_refresh(&a);
	if (strcmp(a.word[0], "verify") == 0 || strcmp(a.word[0], "status") == 0)
		return run_verify(&a);
	return run_change(&a);
}
