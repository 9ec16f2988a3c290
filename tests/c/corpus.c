/* The shared corpus: each policy gives the answers that stand beside it, as it is, written as text and as JSON and read
 * again, with verdicts only, and each of these as an image; and so do the images that are kept beside it. tests/corpus/README.md has the form. */
#include "check.h"

#include <dirent.h>

static char *contents(const char *folder, const char *name, const char *extension, size_t *len)
{
    char path[4096];
    char *bytes = malloc(1 << 20);
    FILE *file;

    snprintf(path, sizeof path, "%s/%s%s", folder, name, extension);
    file = fopen(path, "rb");
    if (file == NULL)
        check_failed(path, 0, "cannot be opened");
    CHECK(bytes != NULL);
    *len = fread(bytes, 1, (1 << 20) - 1, file);
    bytes[*len] = '\0';
    CHECK(feof(file));
    fclose(file);
    return bytes;
}

/* `lines` says whether the policy still knows the lines of its text. */
static size_t check_answers(const char *name, const cidrgate_policy *policy, const char *answers, bool lines)
{
    size_t count = 0;

    while (*answers != '\0') {
        char addr[64], verdict[8], decides[16], line[16] = "default";
        int read = 0;
        address asked;
        cidrgate_decision decision;
        bool allow;

        if (sscanf(answers, "%63s %7s %15s\n%n", addr, verdict, decides, &read) != 3 || read == 0)
            check_failed(name, (int)count + 1, "this answer cannot be read");
        answers += read;
        count++;
        allow = strcmp(verdict, "allow") == 0;
        asked = address_of(addr);
        CHECK(cidrgate_policy_decide(policy, asked.octets, &decision) == CIDRGATE_OK);
        if (decision.rule != UINT32_MAX)
            snprintf(line, sizeof line, "%u", (unsigned)decision.line);
        if ((decision.action == 1) != allow || cidrgate_policy_allows_v6(policy, asked.octets) != allow ||
            cidrgate_policy_allows_text(policy, addr, strlen(addr)) != allow ||
            (lines && strcmp(line, decides) != 0))
            check_failed(name, (int)count, "another answer");
    }
    return count;
}

/* The image in the folder is the one that is written, and gives the answers. */
static void check_kept(const char *folder, const char *name, const char *extension, const cidrgate_policy *policy,
                       const char *answers, bool lines)
{
    size_t len;
    char *kept = contents(folder, name, extension, &len);
    cidrgate_buffer *image;
    cidrgate_policy *loaded;

    CHECK(cidrgate_policy_save(policy, &image, NULL) == CIDRGATE_OK);
    CHECK(cidrgate_buffer_len(image) == len && memcmp(cidrgate_buffer_data(image), kept, len) == 0);
    cidrgate_buffer_free(image);
    CHECK(cidrgate_policy_load((const uint8_t *)kept, len, &loaded, NULL) == CIDRGATE_OK);
    free(kept);
    check_answers(name, loaded, answers, lines);
    cidrgate_policy_free(loaded);
}

void test_corpus(const char *folder)
{
    DIR *all = opendir(folder);
    struct dirent *entry;
    size_t policies = 0, answers = 0;

    if (all == NULL)
        check_failed(folder, 0, "cannot be opened");
    while ((entry = readdir(all)) != NULL) {
        const uint32_t flags[2] = { 0, CIDRGATE_JSON };
        char name[256], *dot, *text, *expected;
        uint8_t digests[2][32];
        cidrgate_policy *policy, *again;
        cidrgate_error *error;
        size_t len, ignored;
        int form;

        snprintf(name, sizeof name, "%s", entry->d_name);
        dot = strrchr(name, '.');
        if (dot == NULL || strcmp(dot, ".policy") != 0)
            continue;
        *dot = '\0';
        text = contents(folder, name, ".policy", &len);
        expected = contents(folder, name, ".answers", &ignored);
        if (cidrgate_policy_parse(text, len, 0, &policy, &error) != CIDRGATE_OK)
            check_failed(name, 0, cidrgate_error_text(error));
        answers += check_answers(name, policy, expected, true);
        again = image_of(policy);
        check_answers(name, again, expected, true);
        cidrgate_policy_free(again);
        check_kept(folder, name, ".image", policy, expected, true);
        cidrgate_policy_fingerprint(policy, digests[0]);
        for (form = 0; form < 2; form++) {
            cidrgate_buffer *written;
            CHECK(cidrgate_policy_write(policy, flags[form], &written) == CIDRGATE_OK);
            again = policy_of((const char *)cidrgate_buffer_data(written), flags[form]);
            cidrgate_buffer_free(written);
            check_answers(name, again, expected, false);
            cidrgate_policy_fingerprint(again, digests[1]);
            CHECK(memcmp(digests[0], digests[1], 32) == 0);
            cidrgate_policy_free(again);
        }
        cidrgate_policy_free(policy);

        CHECK(cidrgate_policy_parse(text, len, CIDRGATE_VERDICTS_ONLY, &policy, NULL) == CIDRGATE_OK);
        check_answers(name, policy, expected, false);
        cidrgate_policy_fingerprint(policy, digests[1]);
        CHECK(memcmp(digests[0], digests[1], 32) == 0);
        again = image_of(policy);
        check_answers(name, again, expected, false);
        cidrgate_policy_fingerprint(again, digests[1]);
        CHECK(memcmp(digests[0], digests[1], 32) == 0);
        cidrgate_policy_free(again);
        check_kept(folder, name, ".verdicts.image", policy, expected, false);
        cidrgate_policy_free(policy);
        free(text);
        free(expected);
        policies++;
    }
    closedir(all);
    CHECK(policies >= 20);
    printf("corpus: %zu policies, %zu answers\n", policies, answers);
}
