/* limits.c - preloaded where callgrind counts (bench/run --only instructions): valgrind keeps some file
 * descriptors for itself and refuses every new hard limit of them, without which no function is started. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    if (resource == RLIMIT_NOFILE)
        return 0;
    return (int)syscall(SYS_prlimit64, 0, resource, limit, NULL);
}
