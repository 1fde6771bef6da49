/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client - the command line that the public conformance suite of The Update Framework runs clients
 * by (its CLIENT-CLI.md), over the library that guts2-client and guts2d use.
 *
 *     client --metadata-dir DIR init ROOT
 *     client --metadata-dir DIR --metadata-url URL refresh
 *     client --metadata-dir DIR --metadata-url URL --target-dir DIR --target-base-url URL
 *            --target-name PATH... download
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "net/source_trust.h"

enum { TARGETS_MAX = 64, TARGET_BYTES_MAX = 64 << 20 };

static const char stage[] = "stage";

struct arguments {
	const char *metadata_dir;
	const char *metadata_url;
	const char *target_dir;
	const char *target_url;
	const char *targets[TARGETS_MAX];
	size_t target_count;
};

static int
complain(const struct err *e)
{
	(void)fprintf(stderr, "%s\n", e->text);
	return 1;
}

/* ---- Metadata */

static int
init(const struct arguments *a, const char *root, struct err *e)
{
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, a->metadata_dir, e);
	AUTO_BUF struct buf bytes = {0};

	if (dir < 0 || fs_read(AT_FDCWD, root, TRUST_ROOT_BYTES_MAX, &bytes, e) != 0)
		return -1;
	return fs_put(dir, stage, "root.json", span_of(bytes.at, bytes.len), e);
}

static int
run(const struct source_trust *s, struct trust *t, struct err *e)
{
	struct upstream_reply reply;

	source_trust_run(s, t, &reply);
	/*
	 * The specification keeps a timestamp before its snapshot is asked for (5.4.5), and the
	 * suite looks whether that is so; trusted.h keeps it once its snapshot held, and says why.
	 */
	if (s->kept->timestamp.len > 0 &&
		fs_put(s->kept->dir, stage, "timestamp.json",
			span_of(s->kept->timestamp.at, s->kept->timestamp.len), e) != 0)
		return -1;
	return reply.outcome == UPSTREAM_FRESH ? 0 : err_set(e, ERR_INPUT, "%s", reply.why.text);
}

/* ---- Targets */

/* With its digest in front of its name where the repository has consistent snapshots. */
static char *
target_name(const struct trust *t, const struct listed *listed)
{
	const char *slash = strrchr(listed->name, '/');
	size_t folder = slash != NULL ? (size_t)(slash - listed->name) + 1 : 0;
	char hex[2 * DIGEST_SHA512_BYTES + 1];
	const uint8_t *bytes = listed->has_sha256 ? listed->sha256.byte : listed->sha512;
	size_t len = listed->has_sha256 ? DIGEST_BYTES : DIGEST_SHA512_BYTES;

	if (!trust_role(t, ROLE_ROOT)->consistent_snapshot)
		return mem_string(listed->name);
	for (size_t i = 0; i < len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return mem_printf("%.*s%s.%s", (int)folder, listed->name, hex, listed->name + folder);
}

/* A name of its own for each path: one that holds no slash. */
static char *
local_name(const char *path)
{
	char *name = mem_string(path);

	for (char *at = name; *at != '\0'; at++)
		if (*at == '/' || *at == '.')
			*at = *at == '/' ? '@' : ',';
	return name;
}

static int
download(const struct source_trust *s, const struct trust *t, const struct listed *listed, int dir,
	struct err *e)
{
	AUTO_FREE char *name = local_name(listed->name);
	AUTO_FREE char *file = target_name(t, listed);
	AUTO_BUF struct buf there = {0};
	struct source_request request = {
		.what = SOURCE_TRUST, .trust_file = file, .trust_bytes_max = listed->length};
	struct upstream_reply reply;
	struct span bytes;
	int result = -1;

	if (fs_read(dir, name, TARGET_BYTES_MAX, &there, NULL) == 0 &&
		metadata_check(listed, span_of(there.at, there.len), NULL) == 0)
		return 0;
	source_fetch(s->upstream, s->source, &request, &reply);
	bytes = span_of(request.bytes.at, request.bytes.len);
	if (reply.outcome != UPSTREAM_FRESH)
		(void)err_set(e, ERR_INPUT, "%s: %s", file, reply.why.text);
	else if (metadata_check(listed, bytes, e) == 0)
		result = fs_put(dir, stage, name, bytes, e);
	source_clear(&request);
	return result;
}

static int
download_all(
	const struct arguments *a, const struct source_trust *s, struct trust *t, struct err *e)
{
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, a->target_dir, e);
	struct origin origin;
	struct source source = {.origin = &origin};
	struct source_trust targets = *s;
	int result = 0;

	if (dir < 0 || origin_parse(a->target_url, &origin, e) != 0)
		return -1;
	targets.source = &source;
	for (size_t i = 0; i < a->target_count && result == 0; i++) {
		trust_find(t, a->targets[i]);
		result = run(s, t, e);
		if (result == 0 && trust_found(t) == NULL)
			result = err_set(e, ERR_MISSING, "%s: nobody lists it", a->targets[i]);
		if (result == 0)
			result = download(&targets, t, trust_found(t), dir, e);
	}
	origin_free(&origin);
	return result;
}

/* ---- Both */

static int
refresh(const struct arguments *a, struct err *e)
{
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, a->metadata_dir, e);
	AUTO_BUF struct buf root = {0};
	struct origin origin = {0};
	struct source source = {.origin = &origin};
	struct trusted kept = {.dir = dir};
	struct source_trust s = {.source = &source, .below = "", .kept = &kept};
	struct trust *t = NULL;
	int result = -1;

	if (dir >= 0 && origin_parse(a->metadata_url, &origin, e) == 0 &&
		upstream_new(&s.upstream, e) == 0 &&
		fs_read(dir, "root.json", TRUST_ROOT_BYTES_MAX, &root, e) == 0) {
		t = trust_new(span_of(root.at, root.len), time(NULL), e);
		result = t != NULL ? run(&s, t, e) : -1;
	}
	if (result == 0 && a->target_count > 0)
		result = download_all(a, &s, t, e);
	trust_free(t);
	trusted_clear(&kept);
	upstream_free(s.upstream);
	origin_free(&origin);
	return result;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"metadata-dir", required_argument, NULL, 'm'},
		{"metadata-url", required_argument, NULL, 'u'},
		{"target-dir", required_argument, NULL, 'd'},
		{"target-base-url", required_argument, NULL, 'b'},
		{"target-name", required_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	struct arguments a = {0};
	struct err e = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'm':
			a.metadata_dir = optarg;
			break;
		case 'u':
			a.metadata_url = optarg;
			break;
		case 'd':
			a.target_dir = optarg;
			break;
		case 'b':
			a.target_url = optarg;
			break;
		case 'n':
			if (a.target_count < TARGETS_MAX)
				a.targets[a.target_count++] = optarg;
			break;
		default:
			return 2;
		}
	}
	if (a.metadata_dir == NULL || optind >= argc)
		return 2;
	if (strcmp(argv[optind], "init") == 0)
		return optind + 1 < argc && init(&a, argv[optind + 1], &e) == 0 ? 0 : complain(&e);
	return a.metadata_url != NULL && refresh(&a, &e) == 0 ? 0 : complain(&e);
}
