/* aborts.h - that a broken promise ends the program, and what it says: fn runs in a child. */
#ifndef WAYBILL_TEST_ABORTS_H
#define WAYBILL_TEST_ABORTS_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unit.h"

/* True: the child died of abort() and its last words contain says. */
static inline bool aborts(void (*fn)(void), const char *says)
{
    char text[2048];
    size_t n = 0;
    int pipe_fd[2], status;
    pid_t pid;

    if (pipe(pipe_fd) < 0 || (pid = fork()) < 0)
        return false;
    if (pid == 0) {
        dup2(pipe_fd[1], STDERR_FILENO);
        close(pipe_fd[0]);
        fn();
        _exit(0);
    }
    close(pipe_fd[1]);
    for (ssize_t got; n < sizeof(text) - 1; n += (size_t)got)
        if ((got = read(pipe_fd[0], text + n, sizeof(text) - 1 - n)) <= 0)
            break;
    text[n] = '\0';
    close(pipe_fd[0]);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(text, says) != NULL;
}

#define EXPECT_ABORTS(fn, says) EXPECT(aborts(fn, says))

#endif
