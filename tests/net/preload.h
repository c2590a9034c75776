// SPDX-License-Identifier: MIT
// What the programs that are preloaded into others (LD_PRELOAD) have in common: a page that they share with the test,
// and the C library's own function behind one of ours.
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PRELOAD_PAGE 4096

/* The page of the file that the variable NAME names, or NULL. */
static inline void *preload_page(const char *name)
{
	const char *path = getenv(name);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = fd < 0 ? MAP_FAILED
			 : mmap(NULL, PRELOAD_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* The next function NAME, as REAL, a pointer to one of that type; looked up once. */
#define PRELOAD_NEXT(real, name)                                    \
	do                                                          \
		if (!(real))                                        \
			*(void **)&(real) = dlsym(RTLD_NEXT, name); \
	while (0)

/* Does ioctl(2) fail now, and by which errno? 0 = the kernel is asked. */
static int preload_ioctl_error(unsigned long request, const void *arg);

int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	va_list ap;
	void *arg;
	int error;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	error = preload_ioctl_error(request, arg);
	if (error) {
		errno = error;
		return -1;
	}
	PRELOAD_NEXT(real, "ioctl");
	return real(fd, request, arg);
}
