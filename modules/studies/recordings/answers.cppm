module;
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>
export module repal.answers;

import repal.config;
export import repal.linkage;
export import repal.permutation;
export import repal.questions;
export import repal.scaling;
export import repal.sheet;

namespace repal {

/// `questions: [{groups: area, subject: animal}, {order: day, to: first}, {mantel: [dsa, cka], given: area}]`; without
/// it, whether systems differ by each label that names groups, change along each that has three numbers, and whether
/// metrics see the same. Throws InputError for one that is asked twice.
export std::vector<Question> read_questions(const Config& study, const Sheet& sheet,
                                            const std::vector<std::string>& metrics);

/// What one metric shows of all systems.
export struct MetricAnswers {
    LabelledSystems systems;
    PlaneMap map;  ///< of the systems; without points if they are fewer than three
    Tree tree;
};

/// A row of mantel.csv.
export struct MantelFinding {
    std::string a;  ///< a metric or a label
    std::string b;
    std::string given = {};
    std::string subject = {};
    std::string correlation;  ///< "pearson" or "spearman"
    PermutationTest test = {};
    std::size_t n = 0;                           ///< systems, or subjects where they are compared as wholes
    std::optional<double> reliability_a = {};    ///< of two metrics, of all trials
    std::optional<double> reliability_b = {};    ///< likewise
    std::optional<double> largest_r = {};        ///< that two so reliable metrics can show whose noise is independent
    std::optional<double> disattenuated_r = {};  ///< what r would be of metrics without noise, if both are above .5
    std::string note = {};
};

/// All answers of a study.
export struct Answers {
    std::vector<MetricAnswers> metrics;
    std::vector<GroupFinding> groups;
    std::vector<MantelFinding> mantel;
};

/// `systems`: what is known by each metric. `reliabilities` of metrics, as far as they are known: see reliability_of().
export Answers answers_to(const std::vector<Question>& questions, std::vector<LabelledSystems> systems,
                          const std::map<std::string, double>& reliabilities, const QuestionOptions& options,
                          const Stream& stream);

/// A line for each question, for the terminal.
export Table mantel_overview(std::span<const MantelFinding> findings);
export Table mantel_table(std::span<const MantelFinding> findings);
export Table tree_table(std::span<const MetricAnswers> metrics);
export Table map_table(std::span<const MetricAnswers> metrics);
/// Rows and columns are systems.
export Table matrix_table(const LabelledSystems& systems);

}  // namespace repal
