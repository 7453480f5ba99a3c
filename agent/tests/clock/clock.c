/* Loaded into the program by LD_PRELOAD: its system clock shows SMS_TEST_CLOCK, in seconds since 1970. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    const char *seconds = getenv("SMS_TEST_CLOCK");
    if (result == 0 && clock == CLOCK_REALTIME && seconds) now->tv_sec = atol(seconds);
    return result;
}
