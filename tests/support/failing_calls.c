/* Preloaded into a process: one of its calls on files beneath a directory fails, once.

   OCINB_FAULT_PLACE   the directory
   OCINB_FAULT_ERRNO   what the call fails with
   OCINB_FAULT_AT      which call, counted from 1 through all processes; 0: none, they are counted
   OCINB_FAULT_COUNT   a file of eight bytes that holds the count */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *place;
static long *count, at;
static int number;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("OCINB_FAULT_COUNT");
  place = getenv("OCINB_FAULT_PLACE");
  if (!path || !place) return;
  at = atol(getenv("OCINB_FAULT_AT"));
  number = atoi(getenv("OCINB_FAULT_ERRNO"));
  int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
  void *page = mmap(0, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page != MAP_FAILED) count = page;
  REAL(close)(fd);
}

static int fails(void) {
  if (!count || __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST) != at) return 0;
  errno = number;
  return 1;
}

static int is_beneath(const char *path) { return !strncmp(path, place, strlen(place)); }

static int is_of(int fd) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = count ? readlink(link, path, sizeof path - 1) : -1;
  return length > 0 && (path[length] = 0, is_beneath(path));
}

static int named(int directory, const char *path) {
  if (!count) return 0;
  return path[0] == '/' ? is_beneath(path) : directory != AT_FDCWD && is_of(directory);
}

#define MODE(flags)                                             \
  mode_t mode = 0;                                              \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                        \
    va_list more;                                               \
    va_start(more, flags);                                      \
    mode = va_arg(more, mode_t);                                \
    va_end(more);                                               \
  }

#define OPEN(name)                                              \
  int name(const char *path, int flags, ...) {                  \
    MODE(flags)                                                 \
    return named(AT_FDCWD, path) && fails() ? -1 : REAL(name)(path, flags, mode); \
  }
#define OPENAT(name)                                            \
  int name(int directory, const char *path, int flags, ...) {   \
    MODE(flags)                                                 \
    return named(directory, path) && fails() ? -1 : REAL(name)(directory, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

#define CALL(result, name, test, parameters, arguments)         \
  result name parameters { return (test) && fails() ? -1 : REAL(name) arguments; }

CALL(ssize_t, write, is_of(fd), (int fd, const void *data, size_t size), (fd, data, size))
CALL(ssize_t, writev, is_of(fd), (int fd, const struct iovec *v, int n), (fd, v, n))
CALL(ssize_t, read, is_of(fd), (int fd, void *data, size_t size), (fd, data, size))
CALL(int, fsync, is_of(fd), (int fd), (fd))
CALL(int, fdatasync, is_of(fd), (int fd), (fd))
CALL(int, ftruncate64, is_of(fd), (int fd, off64_t size), (fd, size))
CALL(int, fchmod, is_of(fd), (int fd, mode_t mode), (fd, mode))
CALL(int, mkdir, named(AT_FDCWD, path), (const char *path, mode_t mode), (path, mode))
CALL(int, mkdirat, named(d, path), (int d, const char *path, mode_t mode), (d, path, mode))
CALL(int, rename, named(AT_FDCWD, a), (const char *a, const char *b), (a, b))
CALL(int, renameat, named(d, a), (int d, const char *a, int e, const char *b), (d, a, e, b))
CALL(int, link, named(AT_FDCWD, a), (const char *a, const char *b), (a, b))
CALL(int, linkat, named(d, a), (int d, const char *a, int e, const char *b, int f),
     (d, a, e, b, f))
CALL(int, symlinkat, named(d, b), (const char *a, int d, const char *b), (a, d, b))
CALL(int, unlink, named(AT_FDCWD, path), (const char *path), (path))
CALL(int, unlinkat, named(d, path), (int d, const char *path, int flags), (d, path, flags))
