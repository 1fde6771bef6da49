/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"

/* ---- Passphrases */

static int
take_line(struct buf *bytes, const char *what, struct err *e)
{
	size_t len = bytes->len > 0 ? strcspn(bytes->at, "\r\n") : 0;

	if (len == 0)
		return err_set(e, ERR_INPUT, "%s: the passphrase is empty", what);
	bytes->at[len] = '\0';
	bytes->len = len;
	return 0;
}

/* Without an echo, which is on again whatever is typed: what interrupts is a letter here. */
static int
read_line(int tty, struct buf *ret, struct err *e)
{
	struct termios before;
	struct termios silent;
	char c = '\0';

	if (tcgetattr(tty, &before) != 0)
		return err_sys(e, "/dev/tty");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_cc[VEOL] = before.c_cc[VINTR]; /* else it would wait for the line's end */
	(void)tcsetattr(tty, TCSAFLUSH, &silent);
	while (ret->len < KEYS_PASSPHRASE_MAX && read(tty, &c, 1) == 1 && c != '\n' &&
		c != (char)before.c_cc[VINTR])
		buf_add(ret, &c, 1);
	(void)tcsetattr(tty, TCSAFLUSH, &before);
	(void)dprintf(tty, "\n");
	if (c == (char)before.c_cc[VINTR])
		return err_set(e, ERR_STOPPED, "interrupted");
	return take_line(ret, "terminal", e);
}

static int
ask(const char *path, bool twice, struct buf *ret, struct err *e)
{
	AUTO_CLOSE int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	AUTO_BUF struct buf again = {0};

	if (tty < 0)
		return err_set(e, ERR_INPUT,
			"%s: nobody can be asked for its passphrase here; give --passphrase-file",
			path);
	if (dprintf(tty, "Passphrase of %s: ", path) < 0 || read_line(tty, ret, e) != 0)
		return -1;
	if (!twice)
		return 0;
	if (dprintf(tty, "The same again: ") < 0 || read_line(tty, &again, e) != 0)
		return -1;
	return strcmp(ret->at, again.at) == 0
		       ? 0
		       : err_set(e, ERR_INPUT, "%s: the two passphrases differ", path);
}

/* A pipe, as often as anything. */
static int
read_open(int fd, struct buf *ret, struct err *e)
{
	char what[32];
	char c = '\0';

	(void)snprintf(what, sizeof(what), "descriptor %d", fd);
	while (ret->len < KEYS_PASSPHRASE_MAX && c != '\n') {
		ssize_t got = read(fd, &c, 1);

		if (got < 0)
			return err_sys(e, "%s", what);
		if (got == 0)
			break;
		buf_add(ret, &c, 1);
	}
	return take_line(ret, what, e);
}

/* Of one that stays empty there is none. */
static int
find_passphrase(const char *path, const struct keys_passphrase *from, bool is_new, struct buf *ret,
	struct err *e)
{
	if (from->none)
		return 0;
	if (from->fd > 0)
		return read_open((int)from->fd, ret, e);
	if (from->file == NULL)
		return ask(path, is_new, ret, e);
	return fs_read(AT_FDCWD, from->file, KEYS_PASSPHRASE_MAX, ret, e) != 0
		       ? -1
		       : take_line(ret, from->file, e);
}

/* ---- Files */

static int
write_new(const char *path, mode_t mode, const struct buf *bytes, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return err_sys(e, "%s", path);
	if (fs_write(fd, bytes->at, bytes->len, e) != 0 || fs_sync(fd, path, e) != 0) {
		(void)unlink(path);
		return -1;
	}
	return 0;
}

static int
write_both(const char *path, const struct key *key, const char *passphrase, struct err *e)
{
	AUTO_FREE char *public = mem_printf("%s.pub", path);
	AUTO_BUF struct buf secret = {0};
	AUTO_BUF struct buf listed = {0};
	int result;

	key_save(key, passphrase, &secret);
	draft_format_key(key, &listed);
	result = write_new(path, 0600, &secret, e);
	if (result == 0 && write_new(public, 0644, &listed, e) != 0) {
		(void)unlink(path);
		result = -1;
	}
	explicit_bzero(secret.at, secret.len);
	return result;
}

struct key *
keys_new(const char *path, const char *scheme, const struct keys_passphrase *from, struct err *e)
{
	AUTO_BUF struct buf passphrase = {0};
	struct key *key = NULL;

	if (find_passphrase(path, from, true, &passphrase, e) == 0)
		key = key_new(scheme, e);
	if (key != NULL && write_both(path, key, passphrase.at, e) != 0) {
		key_free(key);
		key = NULL;
	}
	if (passphrase.at != NULL)
		explicit_bzero(passphrase.at, passphrase.len);
	return key;
}

/* What others can read is no secret, whatever was done since. */
static int
check_mode(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, "%s", path);
	return (st.st_mode & 077) == 0
		       ? 0
		       : err_set(e, ERR_INPUT,
				 "%s: others may read this key; chmod 600 it, if nobody has", path);
}

static struct key *
open_file(const char *path, const struct keys_passphrase *from, struct err *e)
{
	AUTO_CLOSE int fd = fs_open(AT_FDCWD, path, NULL, e);
	AUTO_BUF struct buf pem = {0};
	AUTO_BUF struct buf passphrase = {0};
	struct key *key = NULL;
	bool encrypted;

	if (fd < 0 || check_mode(fd, path, e) != 0 ||
		fs_read(AT_FDCWD, path, KEY_TEXT_MAX, &pem, e) != 0)
		return NULL;
	encrypted = pem.len > 0 && strstr(pem.at, "ENCRYPTED") != NULL;
	if (!encrypted || find_passphrase(path, from, false, &passphrase, e) == 0) {
		key = key_load(span_of(pem.at, pem.len), passphrase.at, e);
		if (key == NULL)
			(void)err_wrap(e, "%s", path);
	}
	if (pem.at != NULL)
		explicit_bzero(pem.at, pem.len);
	if (passphrase.at != NULL)
		explicit_bzero(passphrase.at, passphrase.len);
	return key;
}

struct key *
keys_open_public(const char *path, struct err *e)
{
	AUTO_BUF struct buf json = {0};
	struct key *key;

	if (fs_read(AT_FDCWD, path, KEY_TEXT_MAX * 2, &json, e) != 0)
		return NULL;
	key = draft_read_key(span_of(json.at, json.len), e);
	if (key == NULL)
		(void)err_wrap(e, "%s", path);
	return key;
}

/* ---- Commands */

static int
feed(int to, int from, struct span bytes, const char *what, struct buf *ret, struct err *e)
{
	char piece[4096];
	ssize_t got;
	/* It may end before it has read all, and is asked for its reasons below. */
	int result = fs_write(to, bytes.at, bytes.len, NULL);

	fs_close(&to);
	while ((got = read(from, piece, sizeof(piece))) > 0 && ret->len <= KEY_TEXT_MAX)
		buf_add(ret, piece, (size_t)got);
	fs_close(&from);
	if (got < 0)
		return err_sys(e, "%s", what);
	if (ret->len > KEY_TEXT_MAX)
		return err_set(e, ERR_INPUT, "%s: printed more than %d bytes", what, KEY_TEXT_MAX);
	return result == 0 ? 0
			   : err_set(e, ERR_INPUT, "%s: did not read what is to be signed", what);
}

/* By the shell, as one would type it. -1: it cannot be started. */
static int
start(const char *line, const int in[2], const int out[2], pid_t *ret, struct err *e)
{
	const char *const argv[] = {"sh", "-c", line, NULL};
	posix_spawn_file_actions_t files;
	int failed;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
	failed = posix_spawn(ret, "/bin/sh", &files, NULL, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	errno = failed;
	return failed == 0 ? 0 : err_sys(e, "%s", line);
}

/* What the command prints when it is given bytes. */
static int
run(const char *command, const char *word, struct span bytes, struct buf *ret, struct err *e)
{
	AUTO_FREE char *line = mem_printf("%s %s", command, word);
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	int in[2] = {-1, -1};
	int out[2] = {-1, -1};
	int status = 0;
	int result = -1;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
		result = err_sys(e, "%s", line);
	} else if (start(line, in, out, &pid, e) == 0) {
		fs_close(&in[0]);
		fs_close(&out[1]);
		result = feed(fs_take(&in[1]), fs_take(&out[0]), bytes, line, ret, e);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		/* Who is not read to the end may end in any way. */
		if (status != 0 && ret->len <= KEY_TEXT_MAX)
			result = err_set(e, ERR_INPUT, "%s: ended with %s %d", line,
				WIFEXITED(status) ? "status" : "signal",
				WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	for (int i = 0; i < 2; i++) {
		fs_close(&in[i]);
		fs_close(&out[i]);
	}
	(void)signal(SIGPIPE, before);
	return result;
}

static struct key *
open_command(const char *command, struct err *e)
{
	AUTO_BUF struct buf json = {0};
	struct key *key;

	if (run(command, "public", span_of("", 0), &json, e) != 0)
		return NULL;
	key = draft_read_key(span_of(json.at, json.len), e);
	if (key == NULL)
		(void)err_wrap(e, "%s public", command);
	return key;
}

static int
sign_by_command(const char *command, const struct key *key, struct draft *d, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	AUTO_BUF struct buf signature = {0};
	struct span made;

	draft_signed(d, &bytes);
	if (run(command, "sign", span_of(bytes.at, bytes.len), &signature, e) != 0)
		return -1;
	made = span_of(signature.at, signature.len);
	if (!key_verify(key, span_of(bytes.at, bytes.len), made))
		return err_set(e, ERR_INPUT, "%s sign: that is no signature of its key", command);
	draft_add_signature(d, key, made);
	return 0;
}

/* ---- All that were given */

static bool
give(struct keys_given *given, const char *text, bool command)
{
	if (given->count == KEYS_MAX) {
		(void)cli_usage(
			"--%s: more than %d keys at once", command ? "signer" : "key", KEYS_MAX);
		return false;
	}
	given->command[given->count] = command;
	given->at[given->count++] = text;
	return true;
}

bool
keys_parse_key(void *given, const char *text)
{
	return give(given, text, false);
}

bool
keys_parse_signer(void *given, const char *text)
{
	return give(given, text, true);
}

int
keys_open(const struct keys_given *given, struct keys *ret, struct err *e)
{
	*ret = (struct keys){0};
	for (; ret->count < given->count; ret->count++) {
		const char *text = given->at[ret->count];
		bool command = given->command[ret->count];
		struct key *key =
			command ? open_command(text, e) : open_file(text, &given->passphrase, e);

		if (key == NULL) {
			keys_close(ret);
			return -1;
		}
		ret->at[ret->count] = key;
		ret->command[ret->count] = command ? text : NULL;
	}
	return 0;
}

void
keys_close(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		key_free(keys->at[i]);
	*keys = (struct keys){0};
}

static bool
may_sign(const struct key *key, const struct keyring *ring, const struct signers *who)
{
	for (size_t i = 0; i < who->count; i++) {
		const struct key *named = keyring_find(ring, who->ids[i]);

		if (named != NULL && key_equal(named, key))
			return true;
	}
	return false;
}

unsigned
keys_count(const struct keys *keys, const struct keyring *ring, const struct signers *who)
{
	unsigned count = 0;

	for (size_t i = 0; i < keys->count; i++) {
		size_t before = 0;

		while (before < i && !key_equal(keys->at[before], keys->at[i]))
			before++;
		count += before == i && may_sign(keys->at[i], ring, who);
	}
	return count;
}

int
keys_sign(const struct keys *keys, const struct keyring *ring, const struct signers *who,
	struct draft *d, struct err *e)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (ring != NULL && !may_sign(keys->at[i], ring, who))
			continue;
		if (keys->command[i] == NULL)
			draft_sign(d, keys->at[i]);
		else if (sign_by_command(keys->command[i], keys->at[i], d, e) != 0)
			return -1;
	}
	return 0;
}
