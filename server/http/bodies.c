/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/bodies.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"

/*
 * One run of addresses for all, so that an address tells which body it is of. A place in it has no
 * memory until there is a body.
 */
static struct {
	pthread_once_t once;
	char *_Atomic places; /* NULL: none yet, or no room for them */
	atomic_bool taken[BODIES_COUNT];
	int files[BODIES_COUNT];
} all = {.once = PTHREAD_ONCE_INIT};

static char *
map(void *at, size_t len, int prot, int flags, int fd)
{
	return mmap(at, len, prot, MAP_PRIVATE | flags, fd, 0);
}

static void
reserve(void)
{
	char *places = map(NULL, (size_t)BODIES_COUNT * BODIES_LEN_MAX, PROT_NONE,
		MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (places != MAP_FAILED)
		all.places = places;
}

/* BODIES_COUNT: none is free. */
static size_t
take_place(void)
{
	size_t i = 0;

	while (i < BODIES_COUNT && atomic_exchange(&all.taken[i], true))
		i++;
	return i;
}

/* Whoever holds the descriptor can read, and no more. */
static int
new_file(const void *bytes, size_t len)
{
	AUTO_CLOSE int fd = memfd_create("guts2d body", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || fs_write(fd, bytes, len, NULL) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
			0)
		return -1;
	return fs_take(&fd);
}

void *
bodies_new(const void *bytes, size_t len)
{
	AUTO_CLOSE int fd = -1;
	char *at;
	size_t i;

	if (len < BODIES_LEN_MIN || len > BODIES_LEN_MAX)
		return NULL;
	(void)pthread_once(&all.once, reserve);
	fd = new_file(bytes, len);
	if (all.places == NULL || fd < 0 || (i = take_place()) == BODIES_COUNT)
		return NULL;
	at = map(all.places + i * BODIES_LEN_MAX, len, PROT_READ, MAP_FIXED, fd);
	if (at == MAP_FAILED) {
		all.taken[i] = false;
		return NULL;
	}
	all.files[i] = fs_take(&fd);
	return at;
}

/*
 * The file goes with its pages, and is not written to again: what the kernel has still to send has
 * pages of its own by then.
 */
void
bodies_free(void *body)
{
	size_t i = (size_t)((char *)body - all.places) / BODIES_LEN_MAX;
	char *at =
		map(body, BODIES_LEN_MAX, PROT_NONE, MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1);

	assert(at == body);
	fs_close(&all.files[i]);
	all.taken[i] = false;
}

/* Whoever asks for one that he has finds it there; any other address is nobody's here. */
int
bodies_file(const void *at, off_t *ret_offset)
{
	const char *places = all.places;
	uintptr_t offset = (uintptr_t)at - (uintptr_t)places;

	if (places == NULL || offset >= (uintptr_t)BODIES_COUNT * BODIES_LEN_MAX)
		return -1;
	*ret_offset = (off_t)(offset % BODIES_LEN_MAX);
	return all.files[offset / BODIES_LEN_MAX];
}
