/* why POLICY ADDRESS: may the address in, and which rule says so? */
#include <cidrgate.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static char text[1 << 20];
    uint8_t octets[16];
    cidrgate_policy *policy = NULL;
    cidrgate_error *error = NULL;
    cidrgate_decision decision;
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    size_t len = file != NULL ? fread(text, 1, sizeof text, file) : 0;

    if (file == NULL || !feof(file))
        return fprintf(stderr, "usage: why POLICY ADDRESS, with a policy of up to 1 MiB\n"), 2;
    if (cidrgate_policy_parse(text, len, 0, &policy, &error) != CIDRGATE_OK ||
        cidrgate_addr_parse(argv[2], strlen(argv[2]), octets, &error) != CIDRGATE_OK ||
        cidrgate_policy_decide(policy, octets, &decision) != CIDRGATE_OK)
        return fprintf(stderr, "why: %s\n", error != NULL ? cidrgate_error_text(error) : "no answer"), 2;

    const char *note = cidrgate_policy_rule_note(policy, decision.rule);
    printf("%s", decision.action == 1 ? "allowed" : "denied");
    if (decision.line != 0)
        printf(" by line %u", (unsigned)decision.line);
    printf(": %s\n", note != NULL ? note : decision.line != 0 ? "no note" : "no rule names it");
    cidrgate_policy_free(policy);
    fclose(file);
    return decision.action == 1 ? 0 : 1;
}
