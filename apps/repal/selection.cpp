module;

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

module command.selection;

import repal.error;

namespace command {

void add_selection(CLI::App& sub, SelectionOptions& options) {
    sub.add_option("--group", options.groups, "only the networks of these groups, separated by commas")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub.add_option("--where", options.where, "only networks with these hyperparameters, e.g. n_rnn=128,activation=relu")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub.add_option("--experiment", options.experiments,
                   "only the comparisons of these experiments, e.g. lorenz,motifs or learning or PDM/groups")
        ->delimiter(',')
        ->allow_extra_args(false);
    sub.add_option("--script", options.job, "only what sbatch/<SCRIPT>.sh does, e.g. dissimilarity_learning");
}

repal::Selection read_selection(const SelectionOptions& options, const repal::Study& study,
                                const std::filesystem::path& results) {
    if (!options.job.empty()) {
        std::vector<std::string> names;
        for (const repal::Job& job : study.jobs(study.plan(results))) names.push_back(job.name);
        if (std::ranges::find(names, options.job) == names.end())
            throw repal::InputError("--script",
                                    fmt::format("nothing of this study is done by sbatch/{}.sh", options.job),
                                    repal::suggest(options.job, names));
    }
    repal::Selection selection{.where = {}, .experiments = options.experiments, .job = options.job};
    for (const std::string& group : options.groups) selection.where.emplace_back("group", group);
    for (const std::string& text : options.where) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos) throw repal::InputError("--where " + text, "expected key=value");
        selection.where.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return selection;
}

}  // namespace command
