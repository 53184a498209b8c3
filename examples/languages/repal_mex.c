/* What Octave and MATLAB call: arrays (trial, time, channel), where they lie.
 *
 *     mkoctfile --mex -Iinclude examples/languages/repal_mex.c -Llib -lrepal_c -Wl,-rpath,$PWD/lib -o repal_mex.mex
 *
 *     table = repal_mex({x, y}, {'x', 'y'}, '{"metrics": {"dsa": {}, "cka": {}}}')    a struct array
 */
#include <mex.h>
#include <repal.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition, const char* text) {
    if (!condition) mexErrMsgIdAndTxt("repal:input", "%s", text);
}

/* A system of one array; its values are the only thing that is copied. */
static int make_system(const mxArray* array, const char* name, repal_system** system) {
    const mwSize dimensions = mxGetNumberOfDimensions(array);
    const mwSize* size = mxGetDimensions(array);
    const int64_t trials = size[0], steps = size[1], channels = dimensions > 2 ? size[2] : 1;
    repal_trial* all = mxCalloc(trials > 0 ? trials : 1, sizeof *all);
    int code;
    for (int64_t k = 0; k < trials; ++k) {
        repal_trial trial = {mxGetPr(array) + k, REPAL_DOUBLE, steps, channels, (int64_t)sizeof(double) * trials,
                             (int64_t)sizeof(double) * trials * steps};
        all[k] = trial;
    }
    code = repal_system_create(name, all, trials, system);
    mxFree(all);
    return code;
}

void mexFunction(int n_results, mxArray* results[], int n_arguments, const mxArray* arguments[]) {
    repal_host* host = NULL;
    repal_comparison* comparison = NULL;
    repal_system** systems;
    char *json = NULL, *options, *error = NULL;
    mwSize n;
    int code;
    (void)n_results;

    require(n_arguments == 3, "expected ({x, y, ...}, {'name of x', ...}, options as JSON)");
    require(mxIsCell(arguments[0]) && mxIsCell(arguments[1]) && mxIsChar(arguments[2]), "expected two cells and a text");
    n = mxGetNumberOfElements(arguments[0]);
    require(mxGetNumberOfElements(arguments[1]) == n, "expected as many names as arrays");
    for (mwSize i = 0; i < n; ++i) {
        const mxArray* array = mxGetCell(arguments[0], i);
        require(array != NULL && mxIsDouble(array) && !mxIsComplex(array) && mxGetNumberOfDimensions(array) <= 3,
                "expected arrays (trial, time, channel) of real doubles");
        require(mxGetCell(arguments[1], i) != NULL && mxIsChar(mxGetCell(arguments[1], i)), "expected names that are texts");
    }
    options = mxArrayToString(arguments[2]);
    systems = mxCalloc(n > 0 ? n : 1, sizeof *systems);
    code = repal_host_open(NULL, &host);
    for (mwSize i = 0; code == REPAL_OK && i < n; ++i) {
        char* name = mxArrayToString(mxGetCell(arguments[1], i));
        code = make_system(mxGetCell(arguments[0], i), name, &systems[i]);
        mxFree(name);
    }
    if (code == REPAL_OK) code = repal_compare(host, systems, n, options, NULL, &comparison);
    if (code == REPAL_OK) code = repal_comparison_json(comparison, &json);
    if (code != REPAL_OK) {
        error = mxCalloc(strlen(repal_error()) + 1, 1);
        strcpy(error, repal_error());
    }
    repal_comparison_free(comparison);
    for (mwSize i = 0; i < n; ++i) repal_system_free(systems[i]);
    repal_host_close(host);
    require(code == REPAL_OK, error == NULL ? "" : error);
    {
        mxArray* text = mxCreateString(json);
        repal_free(json);
        mexCallMATLAB(1, results, 1, &text, "jsondecode");
        mxDestroyArray(text);
    }
}
