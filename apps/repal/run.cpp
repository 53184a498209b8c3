#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands.hpp"
#include "terminal.hpp"

import repal.attractors;
import repal.config;
import repal.registry;
import repal.store;

namespace command {
namespace {

struct StageOptions {
    std::string study;
    std::string array;
    std::vector<std::string> stages;
};

repal::Shard read_shard(const std::string& text) {
    repal::Shard shard;
    if (text.empty()) return shard;
    const std::size_t slash = text.find('/');
    const auto number = [&](const std::string& part, std::size_t& value) {
        const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
        return failure == std::errc() && end == part.data() + part.size();
    };
    if (slash == std::string::npos || !number(text.substr(0, slash), shard.index) ||
        !number(text.substr(slash + 1), shard.count))
        throw repal::InputError("--array " + text, "expected I/N, e.g. 0/3");
    if (shard.index >= shard.count)
        throw repal::InputError("--array " + text, "I counts from 0 and must be below N",
                                fmt::format("0/{0} to {1}/{0}", shard.count, shard.count == 0 ? 0 : shard.count - 1));
    return shard;
}

void print_summary(const repal::AttractorStudy::Tables& tables) {
    std::vector<std::string> metrics;
    std::vector<std::string> order;
    std::map<std::string, std::map<std::string, std::string>> cells;
    for (const repal::SummaryRow& row : tables.summary) {
        if (std::ranges::find(metrics, row.metric) == metrics.end()) metrics.push_back(row.metric);
        const std::string line = row.experiment + ": " + row.group;
        if (!cells.contains(line)) order.push_back(line);
        cells[line][row.metric] =
            row.n == 0 ? "-" : fmt::format("{:.3f} [{:.3f}, {:.3f}]", row.mean, row.interval.low, row.interval.high);
    }
    std::vector<std::vector<std::string>> rows = {{"mean dissimilarity (units of pi/2)"}};
    rows.front().insert(rows.front().end(), metrics.begin(), metrics.end());
    for (const std::string& line : order) {
        rows.push_back({line});
        for (const std::string& metric : metrics) rows.back().push_back(cells[line][metric]);
    }
    fmt::print("{}", table(rows));
}

int run(const StageOptions& options, const CommonOptions& common) {
    if (options.study != "attractors")
        throw repal::InputError("", fmt::format("unknown study '{}'", options.study),
                                repal::suggest(options.study, std::vector<std::string>{"attractors"}));
    const auto registry = repal::Registry::load(repal::plugin_path(common.plugin_path));
    const auto config = repal::Config::load(common.config, common.overrides);
    const repal::AttractorStudy study(config, registry);
    const repal::RunOptions run_options{.results = std::filesystem::path(common.results) / options.study,
                                        .shard = read_shard(options.array),
                                        .jobs = common.jobs,
                                        .command = common.typed};
    // Before hours of work: can results be written there?
    repal::write_file(run_options.results / "config.yaml", config.yaml() + "\n");

    TerminalReporter reporter(common.is_quiet, common.is_verbose);
    for (const auto& [file, cause] : registry.refused())
        reporter.warn("plugin " + file.string(), "is not used: " + cause);
    for (const std::string& stage : options.stages) study.run_stage(stage, run_options, reporter);

    const auto tables = study.write_tables(run_options);
    if (!tables.is_complete) {
        fmt::print("this part is done; cells of other parts are missing, see `repal plan {}`\n", options.study);
        return done;
    }
    if (!common.is_quiet) print_summary(tables);
    if (tables.n_without_value > 0)
        fmt::print(stderr, "repal: {} of {} pairs have no value; the causes are in {}\n", tables.n_without_value,
                   tables.n_pairs, (run_options.results / "failures.csv").string());
    fmt::print("results: {}\n", run_options.results.string());
    return tables.n_without_value > 0 ? some_failed : done;
}

void add_stages(CLI::App& app, const std::string& name, const std::string& description, std::vector<std::string> stages,
                const CommonOptions& common, Chosen& chosen) {
    auto options = std::make_shared<StageOptions>();
    options->stages = std::move(stages);
    auto* sub = app.add_subcommand(name, description);
    sub->add_option("study", options->study, "attractors")->required();
    sub->add_option("--array", options->array, "I/N: do every N-th cell, beginning with cell I (from 0)");
    sub->callback([&common, &chosen, options] { chosen = [&common, options] { return run(*options, common); }; });
}

}  // namespace

void add_run(CLI::App& app, const CommonOptions& common, Chosen& chosen) {
    add_stages(app, "run", "every stage of a study, going on where an interrupted run stopped",
               repal::AttractorStudy::stages(), common, chosen);
    add_stages(app, "generate", "the stage that makes data", {"generate"}, common, chosen);
    add_stages(app, "dissimilarity", "the stage that compares", {"dissimilarity"}, common, chosen);
}

}  // namespace command
