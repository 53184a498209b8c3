module;
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>
module repal.recording_study;

import repal.chosen_metric;
import repal.comparison;
import repal.figures;
import repal.progress;
import repal.recording_figures;
import repal.summary;
import repal.tuning_report;

namespace repal {
namespace {

Config study_config(const Config& config) {
    const Config study = config.at("studies").at("recordings");
    study.require_keys({"sheet", "axes", "gaps", "calibrate", "questions", "orders", "pca", "bootstrap"});
    return study;
}

/// The sheet that the configuration names: from its own folder, or from that in which the program runs.
std::filesystem::path sheet_of(const Config& study) {
    const Config given = study.at("sheet");
    const std::filesystem::path named = given.text();
    const std::filesystem::path beside = given.file().parent_path() / named;
    const bool is_beside = !given.file().empty() && std::filesystem::exists(beside);
    const std::filesystem::path file = is_beside ? beside : named;
    if (!std::filesystem::exists(file))
        throw given.error(fmt::format("there is no file '{}'", file.string()),
                          "name a CSV file with a column `file`, from the folder of the configuration or this one; "
                          "`repal new-study DIR` makes an example");
    return file;
}

/// With the whole path of the sheet, since the copy of the configuration among the results is in another folder.
Config with_whole_path(const Config& config) {
    return config.with("studies.recordings.sheet", std::filesystem::absolute(sheet_of(study_config(config))).string());
}

/// Keeps what is said of files, for those who read the results.
class Remarks final : public Progress {
 public:
    explicit Remarks(Table& table) : table_(table) {}
    void warn(const std::string& source, const std::string& text) override { table_.push_back({source, text}); }

 private:
    Table& table_;
};

std::vector<Recording> read_all(const Sheet& sheet, const Config& study, Table& warnings) {
    const std::vector<std::string> gaps = {"refuse", "split"};
    const Reading reading{.axes = study.has("axes") ? study.at("axes").text() : "",
                          .splits_at_gaps = study.text_or("gaps", "refuse", gaps) == "split"};
    Remarks remarks(warnings);
    std::vector<Recording> recordings = read_recordings(sheet, reading, remarks);
    std::ranges::sort(recordings, {}, [](const Recording& one) -> const std::string& { return one.system.name; });
    if (recordings.size() < 2) throw InputError(sheet.file, "it lists one system, and two are compared");
    return recordings;
}

std::vector<ChosenMetric> read_metrics_of(const Config& config, const Registry& registry) {
    std::vector<ChosenMetric> metrics = read_metrics(config.at("metrics"), registry);
    read_pca(study_config(config).at_or_empty("pca"), registry, metrics);
    return metrics;
}

std::vector<std::string> names_of(const std::vector<ChosenMetric>& metrics) {
    std::vector<std::string> names;
    for (const ChosenMetric& metric : metrics) names.push_back(metric.name);
    return names;
}

/// One experiment for each metric, since the systems are seen as it needs them.
std::vector<Experiment> experiments_of(const std::vector<Recording>& recordings,
                                       const std::vector<ChosenMetric>& metrics) {
    std::vector<NamedSystem> systems;
    for (const Recording& recording : recordings) systems.push_back(recording.system);
    std::vector<Experiment> experiments;
    for (const ChosenMetric& metric : metrics) {
        Part part{.name = "systems", .systems = corresponding(metric, systems), .pairs = {}, .keeps_unsuitable = true};
        for (std::size_t a = 0; a < systems.size(); ++a)
            for (std::size_t b = a + 1; b < systems.size(); ++b) part.pairs.push_back({a, b, {}, {{a}, {b}}});
        auto set = std::make_shared<SystemSet>(SystemSet{"systems", part.systems});
        experiments.push_back({.name = "systems",
                               .parts = {std::move(part)},
                               .stored = {},
                               .groups = {},
                               .set = std::move(set),
                               .metrics = {metric}});
    }
    return experiments;
}

/// Square matrices, and the names of their rows.
Archive matrices(const std::vector<MetricAnswers>& metrics) {
    Archive archive{.arrays = {}, .attributes = {{"program", "repal " REPAL_VERSION}, {"unit", "pi/2"}}};
    for (const MetricAnswers& metric : metrics) {
        const auto n = static_cast<std::uint64_t>(metric.systems.names.size());
        const RowMatrix rows = metric.systems.values;
        std::vector<std::string> names = metric.systems.names;
        for (std::string& name : names) std::ranges::replace(name, '\n', ' ');  // each is a line
        archive.arrays.emplace(
            metric.systems.metric,
            Array{.shape = {n, n},
                  .values = std::vector<double>(rows.data(), rows.data() + rows.size()),
                  .attributes = {{"axes", "system,system"}, {"systems", fmt::format("{}", fmt::join(names, "\n"))}}});
    }
    return archive;
}

/// "dsa with n_delays=2,rank=3" for each metric.
std::vector<std::string> settings_of(const std::vector<ScoredPair>& pairs) {
    std::vector<std::string> found;
    for (const ScoredPair& pair : pairs) {
        std::string text = pair.settings.empty() ? pair.metric : pair.metric + " with " + pair.settings;
        if (std::ranges::find(found, text) == found.end()) found.push_back(std::move(text));
    }
    return found;
}

/// So that like systems are neighbours; those without all values come last.
std::vector<std::string> in_order_of_tree(const std::vector<std::string>& names, const MetricAnswers& metric) {
    std::vector<std::string> ordered;
    for (const std::size_t leaf : metric.tree.leaves) ordered.push_back(metric.systems.names[leaf]);
    for (const std::string& name : names)
        if (std::ranges::find(ordered, name) == ordered.end()) ordered.push_back(name);
    return ordered;
}

/// With those of settings that tell nothing apart.
Table with_separations(Table warnings, const std::vector<TunedSet>& settings) {
    for (const auto& [item, found] : settings) {
        if (!found || !found->chosen) continue;
        const auto& separation = found->settings[*found->chosen].separation;
        if (separation && separation->ratio < least_separation)
            warnings.push_back({item->metric->name,
                                fmt::format("halves of one system are as far apart as halves of two (R = {:.1f}): with "
                                            "these settings nothing is told apart, so that no difference means nothing",
                                            separation->ratio)});
    }
    return warnings;
}

/// How many pairs of each metric are told apart, or from chance.
Table certainty_overview(const std::vector<ScoredPair>& pairs, const std::map<std::string, double>& reliabilities) {
    constexpr double level = 0.05;
    struct Counts {
        std::size_t pairs = 0;
        std::size_t tested = 0;
        std::size_t differ = 0;
        std::size_t relate = 0;
        bool is_of_samples = false;
    };
    std::vector<std::pair<std::string, Counts>> of_metrics;
    for (const ScoredPair& pair : pairs) {
        auto place = std::ranges::find(of_metrics, pair.metric, &std::pair<std::string, Counts>::first);
        if (place == of_metrics.end()) place = of_metrics.insert(place, {pair.metric, {}});
        Counts& counts = place->second;
        ++counts.pairs;
        if (!pair.calibration) continue;
        const auto is_small = [&](const std::optional<double>& p) { return p && *p <= level; };
        counts.is_of_samples |= pair.calibration->p_relate.has_value();
        counts.tested += pair.calibration->p_differ || pair.calibration->p_relate ? 1 : 0;
        counts.differ += is_small(pair.calibration->p_differ_adjusted) ? 1 : 0;
        counts.relate += is_small(pair.calibration->p_relate_adjusted) ? 1 : 0;
    }
    Table rows = {{"certainty of", "pairs", "with p", "differ", "relate", "reliability"}};
    for (const auto& [metric, counts] : of_metrics) {
        const auto reliability = reliabilities.find(metric);
        rows.push_back({metric, fmt::format("{}", counts.pairs), fmt::format("{}", counts.tested),
                        counts.is_of_samples ? "-" : fmt::format("{}", counts.differ),
                        counts.is_of_samples ? fmt::format("{}", counts.relate) : "-",
                        reliability == reliabilities.end() ? "-" : fmt::format("{:.2f}", reliability->second)});
    }
    return rows;
}

void require_no_attributes(const Selection& selection) {
    if (!selection.where.empty()) throw InputError("", "this study has no networks, so none can be selected");
}

}  // namespace

RecordingStudy::RecordingStudy(const Config& config, const Registry& registry)
    : Study("recordings", with_whole_path(config), registry),
      sheet_(read_sheet(sheet_of(study_config(config)))),
      recordings_(read_all(sheet_, study_config(config), warnings_)),
      seed_(static_cast<std::uint64_t>(config.at("seed").integer(0))),
      dissimilarity_(experiments_of(recordings_, read_metrics_of(config, registry)),
                     read_metrics_of(config, registry)) {
    const Config study = study_config(config);
    questions_ = read_questions(study, sheet_, names_of(dissimilarity_.metrics()));
    options_.bootstrap = read_bootstrap(study.at_or_empty("bootstrap"));
    constexpr std::int64_t most_orders = 1'000'000;
    options_.orders = static_cast<int>(study.integer_or("orders", options_.orders, 1, most_orders));
    stages_ = dissimilarity_.stages({}, require_no_attributes);
    if (const auto calibration = read_calibration(study)) {
        calibrations_.emplace(dissimilarity_, *calibration, Stream(seed_).child("calibration"));
        std::ranges::move(calibrations_->stages(), std::back_inserter(stages_));
    }
}

std::vector<std::string> RecordingStudy::tables() const {
    return {"dissimilarity.csv", "systems.csv",  "groups.csv",   "mantel.csv",  "tree.csv",     "map.csv",
            "tune.csv",          "failures.csv", "matrix_*.csv", "matrices.h5", "manifest.json"};
}

Table RecordingStudy::systems_table() const {
    Table rows = {{"system", "file", "trials", "steps", "channels", "dt", "read_as"}};
    for (const Label& label : sheet_.labels) {
        const bool is_taken = std::ranges::find(rows.front(), label.name) != rows.front().end();
        rows.front().push_back(is_taken ? "label_" + label.name : label.name);
    }
    for (const Recording& recording : recordings_) {
        const Observed observed = recording.system.system->observe({});
        const Trajectories& x = observed.trajectories();
        const Shape& shape = x.shape();
        rows.push_back({recording.system.name, sheet_.rows[recording.location].location,
                        fmt::format("{}", shape.trials), fmt::format("{}", shape.steps),
                        fmt::format("{}", shape.channels), csv_number(x.dt()), recording.reading});
        for (const Label& label : sheet_.labels) rows.back().push_back(label.values[recording.location]);
    }
    return rows;
}

void RecordingStudy::add_calibrations(std::vector<ScoredPair>& pairs, const std::filesystem::path& results) const {
    const std::vector<Experiment>& experiments = dissimilarity_.experiments();
    for (std::size_t e = 0; e < experiments.size(); ++e) {
        const std::vector<std::optional<PairCalibration>> found = calibrations_->found(e, results);
        const Pair* first = experiments[e].parts.front().pairs.data();
        for (ScoredPair& pair : pairs)
            if (pair.experiment == &experiments[e])
                pair.calibration = found[static_cast<std::size_t>(pair.pair - first)];
    }
}

Findings RecordingStudy::find(const std::filesystem::path& results) const {
    std::vector<ScoredPair> pairs = read_all_scores(dissimilarity_, results);
    if (calibrations_) add_calibrations(pairs, results);
    const std::vector<TunedSet> settings = dissimilarity_.settings().found(results);
    std::vector<std::string> names;
    std::map<std::string, std::vector<std::string>> labels;
    for (const Recording& recording : recordings_) {
        names.push_back(recording.system.name);
        for (const Label& label : sheet_.labels) labels[label.name].push_back(label.values[recording.location]);
    }
    const std::size_t n = names.size();
    std::vector<LabelledSystems> systems;
    for (const ChosenMetric& metric : dissimilarity_.metrics()) {
        std::vector<const Score*> scores(n * n, nullptr);
        for (const ScoredPair& pair : pairs)
            if (pair.metric == metric.name)
                scores[pair.pair->a * n + pair.pair->b] = scores[pair.pair->b * n + pair.pair->a] = &pair.result.score;
        systems.push_back(labelled_systems(metric.name, names, labels,
                                           [&](std::size_t a, std::size_t b) { return scores[a * n + b]; }));
    }
    std::map<std::string, double> reliabilities;
    for (std::size_t e = 0; calibrations_ && e < dissimilarity_.experiments().size(); ++e)
        if (const auto found = calibrations_->reliability(e, results))
            reliabilities[dissimilarity_.experiments()[e].metrics.front().name] = *found;
    const Answers answers =
        answers_to(questions_, std::move(systems), reliabilities, options_, Stream(seed_).child("questions"));
    Findings findings{.tables = {{"dissimilarity.csv", dissimilarity_table(pairs)},
                                 {"systems.csv", systems_table()},
                                 {"groups.csv", groups_table(answers.groups)},
                                 {"mantel.csv", mantel_table(answers.mantel)},
                                 {"tree.csv", tree_table(answers.metrics)},
                                 {"map.csv", map_table(answers.metrics)},
                                 {"tune.csv", settings_table(settings)},
                                 {"failures.csv", failures_table(pairs)}},
                      .archives = {{"matrices.h5", matrices(answers.metrics)}},
                      .overview = {},
                      .failures = {},
                      .report = {}};
    for (const MetricAnswers& metric : answers.metrics)
        findings.tables.emplace_back("matrix_" + metric.systems.metric + ".csv", matrix_table(metric.systems));
    const Table warnings = with_separations(warnings_, settings);
    if (warnings.size() > 1) findings.overview.push_back(warnings);
    findings.overview.push_back(chosen_table(settings));
    if (calibrations_) findings.overview.push_back(certainty_overview(pairs, reliabilities));
    std::ranges::move(groups_overview(answers.groups), std::back_inserter(findings.overview));
    if (!answers.mantel.empty()) findings.overview.push_back(mantel_overview(answers.mantel));
    findings.report = report_of(answers, settings, pairs, warnings);
    if (calibrations_)
        findings.report.sections[1].figures.emplace_back(TableFigure{
            .id = "certainty",
            .title = "How sure are the numbers?",
            .caption = "Pairs of each metric of which p, adjusted over all pairs, is at most .05: their "
                       "dynamics differ (p_differ), or their trials correspond (p_relate). Reliability: how "
                       "well dissimilarities of two halves of the trials agree.",
            .rows = certainty_overview(pairs, reliabilities)});
    const auto without_value =
        std::ranges::count_if(pairs, [](const ScoredPair& pair) { return pair.result.score.status != Status::ok; });
    if (without_value > 0)
        findings.failures = fmt::format("{} of {} pairs have no value; the causes are in {}", without_value,
                                        pairs.size(), (results / "failures.csv").string());
    return findings;
}

Report RecordingStudy::report_of(const Answers& answers, const std::vector<TunedSet>& settings,
                                 const std::vector<ScoredPair>& pairs, const Table& warnings) const {
    std::vector<std::string> names;
    for (const Recording& recording : recordings_) names.push_back(recording.system.name);
    std::vector<std::string> labels;
    for (const Label& label : sheet_.labels) labels.push_back(label.name);
    Report report = {
        .title = "Recordings",
        .summary = fmt::format("{} of {}, compared with each other by {}.", counted(names.size(), "system"),
                               sheet_.file, fmt::join(settings_of(pairs), ", ")),
        .provenance = {},
        .reproduce = {},
        .sections = sections_of(answers, labels, options_.bootstrap.confidence)};
    report.sections.insert(report.sections.begin() + 1, settings_section(settings));
    if (warnings.size() > 1)
        report.sections.front().figures.emplace_back(TableFigure{
            .id = "warnings", .title = "Warnings", .caption = "What was found in reading.", .rows = warnings});
    const std::vector<Comparison> comparisons = comparisons_of(pairs);
    Section& shown = report.sections[2];
    const auto first =
        std::ranges::find_if(answers.metrics, [](const MetricAnswers& metric) { return !metric.tree.leaves.empty(); });
    const bool has_tree = first != answers.metrics.end();
    Figure map =
        dissimilarity_map("systems-dissimilarity", comparisons, has_tree ? in_order_of_tree(names, *first) : names);
    if (has_tree) map.caption += fmt::format(" Systems are in the order of the tree of {}.", first->systems.metric);
    shown.figures.emplace_back(std::move(map));
    if (Figure curves = curves_of_pairs("systems-curves", comparisons); !curves.variants.empty())
        shown.figures.emplace_back(std::move(curves));
    if (calibrations_)
        for (Figure figure : {calibrated_pairs("systems-calibrated", comparisons, calibrations_->confidence()),
                              observed_and_null("systems-null", comparisons)})
            if (!figure.variants.empty()) shown.figures.emplace_back(std::move(figure));
    shown.figures.emplace_back(
        TableFigure{.id = "systems-table", .title = "Systems", .caption = "What was read.", .rows = systems_table()});
    Section failures{.id = "failures", .title = "Failures and exclusions"};
    failures.figures.emplace_back(failure_table("failures-table", comparisons));
    report.sections.push_back(std::move(failures));
    return report;
}

}  // namespace repal
