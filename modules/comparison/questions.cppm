module;
#include <Eigen/Core>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>
export module repal.questions;

export import repal.dissimilarity_matrix;
export import repal.random;
export import repal.summary;
export import repal.table;

/// What is asked of labelled systems: whether their dissimilarities have to do with the labels. n is the number of
/// systems, or of subjects: pairs are not independent.
namespace repal {

/// Do systems of different labels differ?
///
///     {groups: area, subject: animal}
export struct GroupQuestion {
    std::vector<std::string> factors;  ///< labels; several: the marginal effect of each
    std::string subject = {};          ///< the label of what is independent; empty: every system is
    bool has_anosim = false;
};

/// Do systems change along an order, e.g. from day to day?
///
///     {order: day, subject: animal, to: first}
export struct OrderQuestion {
    std::string label;         ///< of numbers
    std::string subject = {};  ///< as above
    std::string to = "first";  ///< the number that all are compared with, or "first"
};

/// Do two metrics, or a metric and a label, see the same?
///
///     {mantel: [dsa, cka], given: area, subject: animal}
export struct MantelQuestion {
    std::string a;
    std::string b;
    std::string given = {};    ///< a label or metric whose part in both is taken out; empty: none
    std::string subject = {};  ///< as above
};

export using Question = std::variant<GroupQuestion, OrderQuestion, MantelQuestion>;

/// "groups: area, subject: animal"
export std::string text_of(const Question& question);

/// Dissimilarities of one metric between all of some systems, in the order of their names, and what is known of these.
export struct LabelledSystems {
    std::string metric;
    std::vector<std::string> names;
    std::map<std::string, std::vector<std::string>> labels;          ///< of each system; empty: not known
    Eigen::MatrixXd values;                                          ///< (system, system), in units of pi/2
    std::vector<std::pair<std::string, std::string>> left_out = {};  ///< names of others, and why

    /// Those of which all of these labels are known.
    LabelledSystems with(const std::vector<std::string>& known) const;
};

/// In any order: names, labels and scores (null: not compared) of the same systems.
export LabelledSystems labelled_systems(const std::string& metric, const std::vector<std::string>& names,
                                        const std::map<std::string, std::vector<std::string>>& labels,
                                        const std::function<const Score*(std::size_t, std::size_t)>& score);

/// A row of groups.csv. What has no meaning for a test is empty.
export struct GroupFinding {
    std::string question = {};
    std::string metric = {};
    std::string test;  ///< e.g. "permanova"
    std::string of;    ///< the factor, a pair of groups, a stage
    std::optional<double> statistic = {};
    std::optional<Interval> interval = {};
    std::optional<double> chance = {};  ///< of the statistic, if labels mean nothing
    std::optional<double> df = {};
    std::optional<double> residual_df = {};
    std::optional<double> r2 = {};
    std::optional<double> p = {};
    std::optional<double> p_adjusted = {};  ///< over the pairs of groups of one question
    std::size_t n = 0;                      ///< systems, or subjects where those are what is exchanged
    std::optional<double> orders = {};      ///< distinct ones
    std::optional<double> least_p = {};
    std::string note = {};
};

export struct QuestionOptions {
    int orders = 9999;
    Bootstrap bootstrap = {};
};

export std::vector<GroupFinding> ask(const GroupQuestion& question, const LabelledSystems& systems,
                                     const QuestionOptions& options, const Stream& stream);
export std::vector<GroupFinding> ask(const OrderQuestion& question, const LabelledSystems& systems,
                                     const QuestionOptions& options, const Stream& stream);
export Table groups_table(const std::vector<GroupFinding>& findings);

/// A line for each question and metric, for the terminal and the first screen of a page; one table for groups, one for
/// orders, none of what was not asked.
export std::vector<Table> groups_overview(const std::vector<GroupFinding>& findings);

}  // namespace repal
