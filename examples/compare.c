/* Two noisy rotations of different speed, compared by DSA and Procrustes.
 *
 *     cc examples/compare.c -Iinclude -Llib -lrepal_c -Wl,-rpath,'$ORIGIN/lib' -lm -o compare && ./compare
 */
#include <math.h>
#include <repal.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIALS = 8, STEPS = 200, CHANNELS = 3 };

/* (trial, time, channel) */
static void rotate(double speed, double values[TRIALS][STEPS][CHANNELS]) {
    unsigned state = 1;
    for (int k = 0; k < TRIALS; ++k)
        for (int t = 0; t < STEPS; ++t)
            for (int c = 0; c < CHANNELS; ++c) {
                state = state * 1664525u + 1013904223u;
                values[k][t][c] = cos(speed * t + k + c) + 0.1 * (state / 4294967296.0 - 0.5);
            }
}

static void require(int code) {
    if (code == REPAL_OK) return;
    fprintf(stderr, "compare: %s\n", repal_error());
    exit(code);
}

int main(int argc, char** argv) {
    static double values[2][TRIALS][STEPS][CHANNELS];
    const char* options = argc > 1 ? argv[1] : "{\"metrics\": {\"dsa\": {}, \"procrustes\": {}}}";
    repal_host* host;
    repal_system* systems[2];
    repal_comparison* comparison;
    char* json;

    require(repal_host_open(NULL, &host));
    for (int i = 0; i < 2; ++i) {
        repal_trial trials[TRIALS];
        rotate(0.1 * (i + 1), values[i]);
        for (int k = 0; k < TRIALS; ++k) {
            repal_trial trial = {values[i][k], REPAL_DOUBLE, STEPS, CHANNELS, CHANNELS * sizeof(double), sizeof(double)};
            trials[k] = trial;
        }
        require(repal_system_create(i == 0 ? "slow" : "fast", trials, TRIALS, &systems[i]));
    }
    if (argc > 2) { /* the arrays, for another program */
        FILE* file = fopen(argv[2], "wb");
        if (file == NULL || fwrite(values, sizeof values, 1, file) != 1) return 1;
        fclose(file);
    }
    require(repal_compare(host, systems, 2, options, NULL, &comparison));
    require(repal_comparison_json(comparison, &json));
    fputs(json, stdout);

    repal_free(json);
    repal_comparison_free(comparison);
    repal_system_free(systems[0]);
    repal_system_free(systems[1]);
    repal_host_close(host);
    return 0;
}
