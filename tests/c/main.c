/* suite FOLDER: all tests; FOLDER is tests/corpus. */
#include "check.h"

static void run(const char *name, void (*test)(void))
{
    printf("%s\n", name);
    fflush(stdout);
    test();
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    run("values", test_values);
    run("policy", test_policy);
    run("words", test_words);
    run("verdicts only", test_verdicts_only);
    run("batch", test_batch);
    run("errors", test_errors);
    run("sets", test_sets);
    run("reader", test_reader);
    run("misuse", test_misuse);
    run("sockaddr", test_sockaddr);
    run("threads", test_threads);
    run("images", test_images);
    test_corpus(argv[1]);
    return 0;
}
