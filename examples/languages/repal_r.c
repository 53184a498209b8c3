/* What R calls: arrays (trial, time, channel) of R, where they lie.
 *
 *     cc -shared -fPIC -I include examples/languages/repal_r.c -L lib -lrepal_c -Wl,-rpath,$PWD/lib -o repal_r.so
 */
#include <repal.h>
#include <stdlib.h>
#include <string.h>

/* The systems behind each other in `values`, in R's order, the first index the fastest; `shape` has (trials, steps, channels) of
 * each. `text` gets a table as CSV, or what was wrong; it is valid until the next call. */
void repal_r_compare(const double* values, const int* shape, const int* n_systems, char** names, char** options, int* code,
                     char** text) {
    static char* given = NULL;
    const int n = *n_systems;
    repal_host* host = NULL;
    repal_comparison* comparison = NULL;
    repal_system** systems = calloc(n, sizeof *systems);

    repal_free(given);
    given = NULL;
    *code = systems == NULL ? REPAL_FAILED : repal_host_open(NULL, &host);
    for (int i = 0; *code == REPAL_OK && i < n; ++i) {
        const int trials = shape[3 * i], steps = shape[3 * i + 1], channels = shape[3 * i + 2];
        repal_trial* all = calloc(trials, sizeof *all);
        for (int k = 0; all != NULL && k < trials; ++k) {
            repal_trial trial = {values + k, REPAL_DOUBLE, steps, channels, (int64_t)sizeof(double) * trials,
                                 (int64_t)sizeof(double) * trials * steps};
            all[k] = trial;
        }
        *code = all == NULL ? REPAL_FAILED : repal_system_create(names[i], all, trials, &systems[i]);
        values += (size_t)trials * steps * channels;
        free(all);
    }
    if (*code == REPAL_OK) *code = repal_compare(host, systems, n, *options, NULL, &comparison);
    if (*code == REPAL_OK) *code = repal_comparison_csv(comparison, &given);
    *text = *code == REPAL_OK ? given : (char*)repal_error();

    repal_comparison_free(comparison);
    for (int i = 0; systems != NULL && i < n; ++i) repal_system_free(systems[i]);
    free(systems);
    repal_host_close(host);
}
