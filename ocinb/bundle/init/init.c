/* The first process of a container that was asked for with --init.
 *
 *     init -- PROGRAM [ARGUMENT …]
 *
 * It runs the program, passes on every signal, collects every process that has ended, and ends as
 * the program does: with its exit status, or 128 and the number of the signal that killed it; 127
 * where there is no such program, 126 where it cannot be executed.
 *
 * It is linked with nothing, for it runs in the files of any image. Its machine code lies beside
 * this file, a file for each machine, made by
 *
 *     gcc -Os -static -nostdlib -ffreestanding -fno-builtin -fno-stack-protector -fno-pie -no-pie \
 *         -fno-asynchronous-unwind-tables -Wl,--build-id=none,-z,noseparate-code,-z,norelro \
 *         -s -o MACHINE init.c          (for x86_64 with -fcf-protection=none)
 */

typedef unsigned long word;

#if defined(__x86_64__)
enum { WRITE = 1, IOCTL = 16, EXECVE = 59, EXIT = 231, WAIT4 = 61, KILL = 62,
       SETPGID = 109, GETPID = 39, CLONE = 56, SIGPROCMASK = 14, SIGTIMEDWAIT = 128 };

static long call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

__asm__(".globl _start\n_start:\n mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
#elif defined(__aarch64__)
enum { WRITE = 64, IOCTL = 29, EXECVE = 221, EXIT = 94, WAIT4 = 260, KILL = 129,
       SETPGID = 154, GETPID = 172, CLONE = 220, SIGPROCMASK = 135, SIGTIMEDWAIT = 137 };

static long call(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}

__asm__(".globl _start\n_start:\n mov x0, sp\n bl run\n");
#endif

enum { SIGCHLD = 17, SIG_BLOCK = 0, SIG_SETMASK = 2, TIOCSPGRP = 0x5410, WNOHANG = 1 };
enum { ENOENT = 2, ENOTDIR = 20 };
enum { NOT_FOUND = 127, CANNOT_EXECUTE = 126, FAILED = 125, SIGNALLED = 128, PATH_MAX = 4096 };

static word length(const char *text)
{
    word n = 0;
    while (text[n])
        n++;
    return n;
}

static void say(const char *name, const char *what)
{
    call(WRITE, 2, (long)"init: ", 6, 0, 0);
    call(WRITE, 2, (long)name, length(name), 0, 0);
    call(WRITE, 2, (long)what, length(what), 0, 0);
}

static const char *path_of(char **environment)
{
    for (; *environment; environment++) {
        const char *entry = *environment;
        if (entry[0] == 'P' && entry[1] == 'A' && entry[2] == 'T' && entry[3] == 'H'
            && entry[4] == '=')
            return entry + 5;
    }
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Become the program; returns the exit status for why it cannot be. */
static long become(char **arguments, char **environment)
{
    const char *name = arguments[0], *path = path_of(environment);
    word size = length(name), i;
    long error = -ENOENT, denied = 0;
    static char candidate[PATH_MAX];

    for (i = 0; name[i]; i++)
        if (name[i] == '/') {
            error = call(EXECVE, (long)name, (long)arguments, (long)environment, 0, 0);
            return error == -ENOENT || error == -ENOTDIR ? NOT_FOUND : CANNOT_EXECUTE;
        }
    for (;;) {
        word n = 0;
        while (*path && *path != ':') {
            if (n < PATH_MAX - 2 - size)
                candidate[n++] = *path;
            path++;
        }
        if (n == 0)
            candidate[n++] = '.';
        candidate[n++] = '/';
        for (i = 0; i <= size && n < PATH_MAX; i++)
            candidate[n++] = name[i];
        error = call(EXECVE, (long)candidate, (long)arguments, (long)environment, 0, 0);
        if (error != -ENOENT && error != -ENOTDIR)
            denied = 1;
        if (!*path)
            return denied ? CANNOT_EXECUTE : NOT_FOUND;
        path++;
    }
}

__attribute__((used)) void run(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
    word all = ~0ul, before = 0;
    long child, number, pid, status_of_exec;
    int status;

    if (count < 3 || arguments[1][0] != '-' || arguments[1][1] != '-' || arguments[1][2]) {
        say("usage", ": init -- PROGRAM [ARGUMENT ...]\n");
        call(EXIT, FAILED, 0, 0, 0, 0);
    }
    call(SIGPROCMASK, SIG_BLOCK, (long)&all, (long)&before, sizeof all, 0);
    child = call(CLONE, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        int group;
        call(SETPGID, 0, 0, 0, 0, 0);
        /* A group of its own in the foreground, so that keys like Ctrl-C are for it alone. */
        group = (int)call(GETPID, 0, 0, 0, 0, 0);
        call(IOCTL, 0, TIOCSPGRP, (long)&group, 0, 0);
        call(SIGPROCMASK, SIG_SETMASK, (long)&before, 0, sizeof before, 0);
        status_of_exec = become(arguments + 2, environment);
        say(arguments[2], status_of_exec == NOT_FOUND ? ": not found\n" : ": cannot be executed\n");
        call(EXIT, status_of_exec, 0, 0, 0, 0);
    }
    if (child < 0) {
        say(arguments[2], ": no process can be made for it\n");
        call(EXIT, FAILED, 0, 0, 0, 0);
    }
    for (;;) {
        number = call(SIGTIMEDWAIT, (long)&all, 0, 0, sizeof all, 0);
        if (number <= 0)
            continue;
        if (number != SIGCHLD) {
            call(KILL, child, number, 0, 0, 0);
            continue;
        }
        while ((pid = call(WAIT4, -1, (long)&status, WNOHANG, 0, 0)) > 0)
            if (pid == child)
                call(EXIT, (status & 0x7f) ? SIGNALLED + (status & 0x7f) : status >> 8 & 0xff,
                     0, 0, 0, 0);
    }
}
