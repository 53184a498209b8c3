/* How alike are the dynamics of neural systems? The engine of repal, for every language that can call C.
 *
 * Every function that returns int returns a code, 0 if it did what it says; repal_error() tells what was wrong. Nothing is
 * thrown, printed or kept on disk. All functions may be called from several threads at once, with the same handles; a system
 * that is being changed, and a host that gets a metric, are used by nobody else meanwhile. Texts are UTF-8. What a function
 * gives belongs to the caller, who frees it with the function of its kind, texts with repal_free(); a null pointer is freed,
 * too. Of a function that fails nothing is to be freed. A host is closed last.
 *
 *     repal_host* host;
 *     repal_system* systems[2];
 *     repal_comparison* comparison;
 *     char* json;
 *     if (repal_host_open(NULL, &host)) die(repal_error());
 *     ... repal_system_create("a", trials, n_trials, &systems[0]) ...
 *     if (repal_compare(host, systems, 2, "{\"metrics\": {\"dsa\": {}}}", NULL, &comparison)) die(repal_error());
 *     if (repal_comparison_json(comparison, &json)) die(repal_error());
 */
#ifndef REPAL_H
#define REPAL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

enum {
    REPAL_OK = 0,
    REPAL_FAILED = 1,    /* no memory, or a defect of repal */
    REPAL_BAD_INPUT = 2, /* what was given cannot be used; the text says what would be right */
    REPAL_STOPPED = 4    /* repal_calls.progress asked for it */
};

/* "0.1.0". The interface below changes only by additions while the first number stays. */
const char* repal_version(void);

/* What was wrong in the last call of this thread that did not return REPAL_OK; valid until its next call. */
const char* repal_error(void);

void repal_free(char* text);

/* --- Plugins ---------------------------------------------------------------------------------------------------------- */

/* Metrics and tasks that were loaded. */
typedef struct repal_host repal_host;

/* `plugin_path`: folders with plugins of your own, separated by colons, or NULL. They run in this process. Those that come
 * with the library are always there. */
int repal_host_open(const char* plugin_path, repal_host** host);
void repal_host_close(repal_host* host);

/* All metrics and tasks, their options, units, sources, as JSON: what `repal plugins --json` prints. */
int repal_plugins(const repal_host* host, char** json);

/* --- Systems ---------------------------------------------------------------------------------------------------------- */

enum { REPAL_DOUBLE = 0, REPAL_FLOAT = 1 };

/* One trial (time, channel) in memory that is the caller's. Strides are in bytes and may be negative or 0. */
typedef struct {
    const void* values;
    int type; /* REPAL_DOUBLE or REPAL_FLOAT */
    int64_t steps;
    int64_t channels;
    int64_t step_stride;
    int64_t channel_stride;
} repal_trial;

/* The trials of a system, and what is known of them. */
typedef struct repal_system repal_system;

/* Copies the values, once. Trials may differ in steps, not in channels; every value is finite. */
int repal_system_create(const char* name, const repal_trial* trials, size_t n_trials, repal_system** system);

/* The time of a step, in s. */
int repal_system_set_dt(repal_system* system, double dt);

/* What was put in, (time, input) of each trial, of as many steps; for input_dsa. */
int repal_system_set_inputs(repal_system* system, const repal_trial* inputs, size_t n_trials);

/* The condition that each trial repeats; for metrics that compare conditions. */
int repal_system_set_conditions(repal_system* system, const int64_t* conditions, size_t n_trials);

/* How many trials it has. */
size_t repal_system_trials(const repal_system* system);

/* The values (time, channel) of a trial from 0 on, where they lie, until the system is changed or freed. */
int repal_system_trial(const repal_system* system, size_t trial, repal_trial* view);

void repal_system_free(repal_system* system);

/* --- Simulating ------------------------------------------------------------------------------------------------------- */

/* A system that is simulated. `options` is JSON:
 *
 *     {"system": {"task": "lorenz", "r": 28},   a task and its options, or motifs that are put together, as in config.yaml:
 *                                               {"attach": [...]}, {"combine": [a, b], "mixing": 0.5}, {"reverse": ...},
 *                                               {"noise": ..., "sigma": 0.01, "draw": 1}
 *      "trials": 200, "seed": 1, "draw": 0,     the same numbers are the same trials, those of a study
 *      "shared": true}                          trial k of every system begins at the same random point
 */
int repal_simulate(const repal_host* host, const char* name, const char* options, repal_system** system);

/* Trials of a task that is to be done, for training and testing networks. */
typedef struct repal_dataset repal_dataset;

/* `options` is JSON:
 *
 *     {"task": {"step_ms": 20},                 options of the task
 *      "trials": 200, "seed": 1,
 *      "phase": "test",                         or "train"
 *      "split": "test",                         "validation", ...: another one is drawn anew; the phase, if it is not given
 *      "balanced": true,                        every condition as often; else each is drawn
 *      "threads": 0}                            0: all that this process may use
 */
int repal_dataset_create(const repal_host* host, const char* task, const char* options, repal_dataset** dataset);

/* {"arrays": {name: {"shape": [...], "type": "float32", "float64" or "int32", "attributes": {"axes": "...", "unit": "..."}}},
 *  "attributes": {...}}; docs/neurotasks.md says what each is. */
int repal_dataset_json(const repal_dataset* dataset, char** json);

/* The values of an array, the last axis the fastest, until the dataset is freed. */
int repal_dataset_array(const repal_dataset* dataset, const char* name, const void** values);

void repal_dataset_free(repal_dataset* dataset);

/* --- Comparing -------------------------------------------------------------------------------------------------------- */

/* What is called while work goes on, by any thread but one at a time. Each may be NULL. */
typedef struct {
    int threads; /* 0: all that this process may use */
    void* user;  /* the first argument of each */
    /* How far a stage of the work has come. Another value than 0: it is to stop soon. */
    int (*progress)(void* user, const char* stage, size_t done, size_t total);
    /* What is known of the numbers beside them; `of`: a metric, a system. */
    void (*warn)(void* user, const char* of, const char* text);
} repal_calls;

/* Scores of all pairs of systems by one or more metrics. */
typedef struct repal_comparison repal_comparison;

/* `options` is JSON:
 *
 *     {"metrics": {"dsa": {"rank": 6}, "cka": {}},   names, in their order, and options; those of repal_plugins()
 *      "pca": {"dsa": {"components": 20}},           what a metric sees of a system
 *      "calibrate": true,                            an interval, a noise floor and p beside each score
 *      "family_wise": false,                         as `repal compare --family-wise`
 *      "over_time": "5:1", "across": false}          as `repal compare --over-time 5:1 --across`
 *
 * Options that are not given are chosen from the data of all systems, or are defaults. A pair that has no value is no error:
 * its status and note say why. `calls` may be NULL. */
int repal_compare(const repal_host* host, repal_system* const* systems, size_t n_systems, const char* options,
                  const repal_calls* calls, repal_comparison** comparison);

/* A list of objects, one for each metric and pair, (0, 1), (0, 2), ..., (1, 2), ...: what `repal compare --format json`
 * prints. Angles are in rad, dissimilarities in units of pi/2. */
int repal_comparison_json(const repal_comparison* comparison, char** json);

/* The same as CSV. */
int repal_comparison_csv(const repal_comparison* comparison, char** csv);

/* A page with figures, in one file of HTML. */
int repal_comparison_page(const repal_comparison* comparison, char** html);

void repal_comparison_free(repal_comparison* comparison);

/* Which settings of one metric suit the systems, and why: what `repal tune` says. `options` is JSON: {"metrics": {"dsa":
 * {"rank": [2, 4, 8]}}, "pca": ...}; values in a list are tried, others are as they are given. The text is JSON:
 *
 *     {"metric": "dsa", "chosen": {"n_delays": 4, "rank": 2},   null: nothing was; a sentence says why
 *      "sentences": [...], "warnings": [...],
 *      "settings": [{...}, ...],                                what was found of each, as `repal tune --out`
 *      "systems": [{...}, ...]}                                 how far each can be trusted
 */
int repal_tune(const repal_host* host, repal_system* const* systems, size_t n_systems, const char* options,
               const repal_calls* calls, char** json);

/* --- One metric, step by step ----------------------------------------------------------------------------------------- */

/* A metric with all its options, and what it knows of one system. */
typedef struct repal_metric repal_metric;
typedef struct repal_embedding repal_embedding;

/* `options` is JSON, e.g. {"rank": 6, "n_delays": 10}, or NULL. Those that are chosen from data have to be given. */
int repal_metric_create(const repal_host* host, const char* name, const char* options, repal_metric** metric);

/* Once per system, costly. */
int repal_metric_prepare(const repal_metric* metric, const repal_system* system, repal_embedding** embedding);

/* Once per pair, cheap: a list of one object, as repal_comparison_json(). */
int repal_metric_compare(const repal_metric* metric, const repal_embedding* a, const repal_embedding* b, char** json);

void repal_embedding_free(repal_embedding* embedding);
void repal_metric_free(repal_metric* metric);

/* A metric of your own: its functions, which are called by one thread at a time, and return REPAL_OK, REPAL_BAD_INPUT if
 * this cannot be compared, or another code if something went wrong; `why` (of `size` bytes) takes a text that says what. They
 * live as long as the host and all that was made by it. */
typedef struct {
    void* user; /* the first argument of each */
    /* What the metric knows of a system. The trials are there during the call only. */
    int (*prepare)(void* user, const repal_trial* trials, size_t n_trials, void** embedding, char* why, size_t size);
    /* An angle in rad, 0 (alike) to pi, the same for (a, b) and (b, a). */
    int (*compare)(void* user, const void* a, const void* b, double* angle_rad, char* why, size_t size);
    /* May be NULL. */
    void (*free)(void* user, void* embedding);
} repal_own_metric;

/* Adds a metric, which is then compared, tuned, calibrated and shown as any other. `description` is JSON:
 *
 *     {"name": "mine", "summary": "", "source": "", "version": "1",
 *      "corresponding": ["rows"],          what of two systems corresponds one to one: rows (trials and steps), conditions,
 *                                          channels
 *      "needs_equal_steps": true, "triangle_inequality": false, "largest_rad": 3.14159}
 */
int repal_host_add_metric(repal_host* host, const char* description, const repal_own_metric* metric);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif
