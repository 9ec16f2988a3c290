/* Programs with mistakes, to see that the tools which look for them are on. */
#include "check.h"

#include <limits.h>

int main(int argc, char **argv)
{
    const uint8_t ten[4] = { 10, 0, 0, 1 };
    const char *mistake = argc == 2 ? argv[1] : "";
    cidrgate_policy *policy = policy_of("allow 10.0.0.0/8\n", 0);

    if (strcmp(mistake, "none") == 0) {
        cidrgate_policy_free(policy);
    } else if (strcmp(mistake, "leak") == 0) {
        policy = NULL;
    } else if (strcmp(mistake, "freed-twice") == 0) {
        cidrgate_policy_free(policy);
        cidrgate_policy_free(policy);
    } else if (strcmp(mistake, "used-after-free") == 0) {
        /* The bad read happens in Rust. */
        cidrgate_policy_free(policy);
        printf("%d\n", cidrgate_policy_allows_v4(policy, ten));
    } else if (strcmp(mistake, "overrun") == 0) {
        char *own = malloc((size_t)argc);
        CHECK(own != NULL);
        own[argc] = 'x';
        printf("%c\n", own[argc]);
        free(own);
        cidrgate_policy_free(policy);
    } else if (strcmp(mistake, "overflow") == 0) {
        int large = INT_MAX - 1 + argc / 2;
        cidrgate_policy_free(policy);
        printf("%d\n", large + argc);
    } else {
        return 3;
    }
    return 0;
}
