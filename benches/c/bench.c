/* bench POLICY V4 V6: nanoseconds a call through C, as `name median fastest` a line. V4 and V6 are files of addresses, 4
 * and 16 octets each. `make bench-c` calls it beside the same in Rust. */
#include <cidrgate.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { QUERIES = 1 << 16, ROUNDS = 16, RUNS = 7, BATCH = 256 };

static char text[1 << 24];
static uint8_t v4[QUERIES][4], v6[QUERIES][16];
static bool allowed[BATCH];

static size_t read_file(const char *path, void *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    size_t len = file != NULL ? fread(bytes, 1, room, file) : 0;

    if (file == NULL || len == 0) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return len;
}

static size_t single_v4(const cidrgate_policy *policy)
{
    size_t count = 0, i;
    for (i = 0; i < QUERIES; i++)
        count += cidrgate_policy_allows_v4(policy, v4[i]);
    return count;
}

static size_t single_v6(const cidrgate_policy *policy)
{
    size_t count = 0, i;
    for (i = 0; i < QUERIES; i++)
        count += cidrgate_policy_allows_v6(policy, v6[i]);
    return count;
}

static size_t batch_v4(const cidrgate_policy *policy)
{
    size_t count = 0, i;
    for (i = 0; i < QUERIES; i += BATCH) {
        cidrgate_policy_allows_batch_v4(policy, v4[i], BATCH, allowed);
        count += allowed[0];
    }
    return count;
}

static size_t batch_v6(const cidrgate_policy *policy)
{
    size_t count = 0, i;
    for (i = 0; i < QUERIES; i += BATCH) {
        cidrgate_policy_allows_batch_v6(policy, v6[i], BATCH, allowed);
        count += allowed[0];
    }
    return count;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(const char *name, size_t (*ask)(const cidrgate_policy *), const cidrgate_policy *policy)
{
    double times[RUNS];
    size_t count = 0;
    int run, round;

    for (run = 0; run < RUNS; run++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (round = 0; round < ROUNDS; round++)
            count += ask(policy);
        clock_gettime(CLOCK_MONOTONIC, &end);
        times[run] = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
                     ((double)ROUNDS * QUERIES);
    }
    qsort(times, RUNS, sizeof times[0], compare);
    /* The count is printed so that it is worked out, and compared with Rust's. */
    printf("%s %.2f %.2f %zu\n", name, times[RUNS / 2], times[0], count / RUNS / ROUNDS);
}

int main(int argc, char **argv)
{
    cidrgate_policy *policy;
    cidrgate_error *error;

    if (argc != 4)
        return fprintf(stderr, "usage: bench POLICY V4 V6\n"), 2;
    if (cidrgate_policy_parse(text, read_file(argv[1], text, sizeof text), 0, &policy, &error) != CIDRGATE_OK)
        return fprintf(stderr, "%s\n", cidrgate_error_text(error)), 2;
    if (read_file(argv[2], v4, sizeof v4) != sizeof v4 || read_file(argv[3], v6, sizeof v6) != sizeof v6)
        return fprintf(stderr, "too few addresses\n"), 2;
    measure("v4", single_v4, policy);
    measure("v6", single_v6, policy);
    measure("batch_v4", batch_v4, policy);
    measure("batch_v6", batch_v6, policy);
    cidrgate_policy_free(policy);
    return 0;
}
