/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign/sign_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

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
	while (ret->len < SIGN_PASSPHRASE_MAX && read(tty, &c, 1) == 1 && c != '\n' &&
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

/* Of one that stays empty there is none. */
static int
find_passphrase(const char *path, const struct sign_passphrase *from, bool is_new, struct buf *ret,
	struct err *e)
{
	if (from->none)
		return 0;
	if (from->file == NULL)
		return ask(path, is_new, ret, e);
	return fs_read(AT_FDCWD, from->file, SIGN_PASSPHRASE_MAX, ret, e) != 0
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

int
sign_key_new(const char *path, const char *scheme, const struct sign_passphrase *from,
	char ret_id[DRAFT_ID_MAX], struct err *e)
{
	AUTO_FREE char *public = mem_printf("%s.pub", path);
	AUTO_BUF struct buf passphrase = {0};
	AUTO_BUF struct buf secret = {0};
	AUTO_BUF struct buf listed = {0};
	struct key *key;
	int result;

	if (find_passphrase(path, from, true, &passphrase, e) != 0)
		return -1;
	key = key_new(scheme, e);
	if (key == NULL)
		return -1;
	key_save(key, passphrase.at, &secret);
	draft_format_key(key, &listed);
	(void)draft_key_id(key, ret_id);
	key_free(key);
	result = write_new(path, 0600, &secret, e);
	if (result == 0 && write_new(public, 0644, &listed, e) != 0) {
		(void)unlink(path);
		result = -1;
	}
	explicit_bzero(secret.at, secret.len);
	return result;
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

struct key *
sign_key_open(const char *path, const struct sign_passphrase *from, struct err *e)
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
sign_key_open_public(const char *path, struct err *e)
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
