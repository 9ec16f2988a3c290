/* log_filter POLICY < access.log: the lines whose first field is an address that may come in.
 *
 * Lines are asked about in batches, which costs less than one call for each. A line that does not start with an address
 * is not printed; how many there were is said at the end.
 */
#include <cidrgate.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 256, LINE = 8192 };

static char lines[BATCH][LINE];
static uint8_t addresses[BATCH][16];
static bool allowed[BATCH];

static cidrgate_policy *read_policy(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t len = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    cidrgate_policy *policy = NULL;
    cidrgate_error *error;

    if (file == NULL || !feof(file)) {
        fprintf(stderr, "log_filter: %s cannot be read, or is larger than 1 MiB\n", path);
    } else if (cidrgate_policy_parse(text, len, CIDRGATE_VERDICTS_ONLY, &policy, &error) != CIDRGATE_OK) {
        fprintf(stderr, "log_filter: %s: %s\n", path, cidrgate_error_text(error));
        cidrgate_error_free(error);
    }
    if (file != NULL)
        fclose(file);
    return policy;
}

/* Reads one line; what is longer than LINE is cut. */
static bool read_line(char line[LINE])
{
    int next;

    if (fgets(line, LINE, stdin) == NULL)
        return false;
    if (strchr(line, '\n') == NULL)
        while ((next = getchar()) != EOF && next != '\n')
            ;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

int main(int argc, char **argv)
{
    cidrgate_policy *policy = argc == 2 ? read_policy(argv[1]) : NULL;
    unsigned long without = 0;
    size_t count, i;
    bool more = policy != NULL;

    if (policy == NULL)
        return fprintf(stderr, "usage: log_filter POLICY < LOG\n"), 2;
    while (more) {
        for (count = 0; count < BATCH && (more = read_line(lines[count]));) {
            if (cidrgate_addr_parse(lines[count], strcspn(lines[count], " \t"), addresses[count], NULL) == CIDRGATE_OK)
                count++;
            else
                without++;
        }
        cidrgate_policy_allows_batch_v6(policy, addresses[0], count, allowed);
        for (i = 0; i < count; i++)
            if (allowed[i])
                puts(lines[i]);
    }
    if (without != 0)
        fprintf(stderr, "log_filter: %lu lines without an address\n", without);
    cidrgate_policy_free(policy);
    return 0;
}
