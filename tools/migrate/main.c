/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guts2-migrate - turns the settings of older products into those of guts2d.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"
#include "migrate/migrate_fspms.h"
#include "migrate/migrate_read.h"
#include "migrate/migrate_table.h"
#include "model/options.h"

static const char usage[] =
	"Usage: guts2-migrate [--dry-run] [--force] [--json] [--from-fsaua FILE]\n"
	"                     [--from-fspms FILE] [--channels FILE] --root DIR\n"
	"Turn the settings of older products into those of guts2d, below its root.\n"
	"Every old setting is listed: -> what it becomes, !! a warning, -- no meaning.\n";

static const char ending[] = "Exit: 0 done, 1 failed, 2 usage.  See guts2-migrate(1).\n";

struct arguments {
	const char *fsaua;
	const char *fspms;
	const char *channels;
	const char *root;
	bool dry_run;
	bool force;
	bool json;
};

static int
read_old(struct migration *m, const struct arguments *a, struct err *e)
{
	if (a->fsaua != NULL && migrate_read_fsaua(m, a->fsaua, e) != 0)
		return -1;
	if (a->fspms != NULL && migrate_fspms_read(m, a->fspms, e) != 0)
		return -1;
	if (a->channels != NULL && migrate_read_channels(m, a->channels, e) != 0)
		return -1;
	migrate_table_settle(m);
	return 0;
}

/*
 * What is to be written below the root. Put together before anything is shown or written; nothing
 * is written where bytes is empty.
 */
struct output {
	const char *directory;
	const char *name;
	mode_t mode;
	struct buf bytes;
};

enum { OUTPUTS = 3 };

static void
make_outputs(const struct migration *m, struct output ret[OUTPUTS])
{
	/* It may have a password in it: nobody else reads it. */
	ret[0] = (struct output){.directory = "data", .name = "fspms.proxy.config", .mode = 0600};
	ret[1] = (struct output){.directory = "config", .name = "guts2d.conf", .mode = 0644};
	ret[2] = (struct output){.directory = "config", .name = "channels.json", .mode = 0644};
	if (m->proxy.host != NULL) {
		buf_add_string(&ret[0].bytes, "http_proxy=");
		proxy_server_format(&m->proxy, &ret[0].bytes);
		buf_add_string(&ret[0].bytes, "\n");
	}
	for (size_t i = 0; i < m->option_count; i++) {
		/* A name with a line's end in it would be more than a comment. */
		AUTO_FREE char *origin = cli_cleaned(m->options[i].origin);

		buf_printf(&ret[1].bytes, "# from %s\n%s\n", origin, m->options[i].setting);
	}
	if (m->channels.len > 0)
		buf_add(&ret[2].bytes, m->channels.at, m->channels.len);
}

static int
check_free(int root, const struct arguments *a, const struct output *o, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", o->directory, o->name);

	if (o->bytes.len == 0 || a->force || !fs_exists(root, path))
		return 0;
	return err_set(
		e, ERR_INPUT, "%s/%s is there already; --force writes over it", a->root, path);
}

/* Written beside with its mode from the first byte on, synced, renamed. */
static int
write_output(int root, const struct output *o, struct err *e)
{
	AUTO_FREE char *stage = mem_printf(".%s.new", o->name);
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int fd = -1;

	if (o->bytes.len == 0)
		return 0;
	dir = fs_make_dirs(root, o->directory, e);
	if (dir < 0)
		return -1;
	/* Left by a run that was interrupted; O_EXCL then makes sure the mode is ours. */
	(void)unlinkat(dir, stage, 0);
	fd = openat(dir, stage, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, o->mode);
	if (fd < 0)
		return err_sys(e, "%s/%s", o->directory, stage);
	if (fs_write(fd, o->bytes.at, o->bytes.len, e) == 0 && fs_sync(fd, stage, e) == 0 &&
		fs_publish(dir, stage, dir, o->name, e) == 0)
		return 0;
	(void)unlinkat(dir, stage, 0);
	return err_wrap(e, "%s/%s", o->directory, o->name);
}

static int
write_outputs(const struct arguments *a, const struct output outputs[OUTPUTS], struct err *e)
{
	AUTO_CLOSE int root = fs_make_dirs(AT_FDCWD, a->root, e);

	if (root < 0)
		return -1;
	/* All are looked at before the first is written: half a migration helps nobody. */
	for (int i = 0; i < OUTPUTS; i++)
		if (check_free(root, a, &outputs[i], e) != 0)
			return -1;
	for (int i = 0; i < OUTPUTS; i++)
		if (write_output(root, &outputs[i], e) != 0)
			return -1;
	/* The directories that were made, and those above. */
	return syncfs(root) != 0 ? err_sys(e, "%s: sync", a->root) : 0;
}

/* As a shell reads it back. */
static void
print_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_@%+=:,./-";

	if (strspn(word, plain) == strlen(word)) {
		(void)fputs(word, stdout);
		return;
	}
	(void)putchar('\'');
	for (; *word != '\0'; word++)
		(void)(*word == '\'' ? fputs("'\\''", stdout) : putchar(*word));
	(void)putchar('\'');
}

/* With what is below the root by now, this time's or not: as guts2d itself reads it. */
static void
say_start(const struct arguments *a)
{
	AUTO_FREE char *root = realpath(a->root, NULL);
	AUTO_FREE char *argument = mem_printf("-Droot=%s", root != NULL ? root : a->root);
	char *words[] = {"guts2d", argument};
	struct options o;
	bool named = options_read(&o, 2, words, NULL) == 0 || o.guts2ServerUrl[0] != '\0';

	(void)fputs("Start: guts2d ", stdout);
	print_word(argument);
	(void)puts(named ? ""
			 : " -Dguts2ServerUrl=URL\n"
			   "No old setting names the server above: in the place of URL "
			   "stands that of the\ncloud, or of another guts2d.");
	options_free(&o);
}

static void
say_done(const struct migration *m, const struct arguments *a)
{
	if (a->json)
		return;
	(void)printf("\n%zu taken, %zu warnings, %zu without meaning here.%s\n",
		migrate_table_count(m, MIGRATE_TAKEN), migrate_table_count(m, MIGRATE_WARNED),
		migrate_table_count(m, MIGRATE_NO_MEANING),
		a->dry_run ? " Nothing was written." : "");
	if (!a->dry_run)
		say_start(a);
}

static int
migrate(struct migration *m, const struct arguments *a, struct err *e)
{
	struct output outputs[OUTPUTS];
	int result;

	if (read_old(m, a, e) != 0)
		return -1;
	make_outputs(m, outputs);
	migrate_table_print(m, a->json);
	result = a->dry_run ? 0 : write_outputs(a, outputs, e);
	for (int i = 0; i < OUTPUTS; i++) {
		if (outputs[i].bytes.len > 0) /* one of them holds a password */
			explicit_bzero(outputs[i].bytes.at, outputs[i].bytes.len);
		buf_free(&outputs[i].bytes);
	}
	if (result == 0)
		say_done(m, a);
	return result;
}

static int
parse_arguments(int argc, char **argv, struct arguments *a)
{
	const struct cli_option options[] = {
		{"from-fsaua", "FILE", "fsaua.cfg: the first of http_proxies", .text = &a->fsaua},
		{"from-fspms", "FILE",
			"fspms.conf: additional_java_args, hostModulePort, upstreamPmHost, "
			"upstreamPmPort",
			.text = &a->fspms},
		{"channels", "FILE", "a channels.json, or an array of legacy types",
			.text = &a->channels},
		{"root", "DIR",
			"guts2d's root; written there: data/fspms.proxy.config, "
			"config/guts2d.conf, config/channels.json",
			.text = &a->root},
		{"dry-run", NULL, "only show what would be done", .flag = &a->dry_run},
		{"force", NULL, "write over files that are there", .flag = &a->force},
		{"json", NULL, "the list for programs", .flag = &a->json},
		{0},
	};
	const struct cli cli = {.usage = usage, .options = options, .ending = ending};
	int words;

	if (cli_parse(&cli, argc, argv, &words) != CLI_OK)
		return CLI_USAGE;
	if (a->root == NULL)
		return cli_usage("--root is required");
	if (a->fsaua == NULL && a->fspms == NULL && a->channels == NULL)
		return cli_usage("--from-fsaua, --from-fspms or --channels is required");
	return CLI_OK;
}

int
main(int argc, char **argv)
{
	struct arguments a = {0};
	struct migration m = {0};
	struct err e = {0};
	int code = parse_arguments(argc, argv, &a);

	if (code != CLI_OK)
		return code;
	/* The modes of the outputs are meant as they stand: one is for guts2d alone. */
	(void)umask(022);
	if (migrate(&m, &a, &e) != 0)
		code = cli_fail(&e);
	migrate_table_free(&m);
	return code;
}
