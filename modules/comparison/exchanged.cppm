module;
#include <Eigen/Core>
#include <cstddef>
#include <string>
#include <vector>
export module repal.exchanged;

export import repal.permutation;

namespace repal {

/// The distinct values of a label and which of them each system has. Numbers are one if they are equal: 1 and 1.0.
export struct Groups {
    explicit Groups(const std::vector<std::string>& values);

    std::vector<std::string> names = {};
    std::vector<std::size_t> of = {};
};

/// What is exchanged when a factor means nothing: systems, or subjects as wholes, which then are what is tested.
export struct Exchanged {
    Eigen::MatrixXd squares;                       ///< (thing, thing)
    std::vector<std::vector<std::size_t>> labels;  ///< of each factor, of each thing
    std::vector<std::size_t> subjects;             ///< whose things are no neighbours of each other; empty: all are
    Exchange exchange;
    std::string note;
};

/// `values`: dissimilarities (system, system). `labels`: of each factor, of each system. `subjects`: what is
/// independent; empty: systems are. Where labels vary within subjects they are exchanged within these, else between
/// subjects.
export Exchanged exchanged(const Eigen::MatrixXd& values, const std::vector<std::vector<std::size_t>>& labels,
                           const std::vector<std::size_t>& subjects);

}  // namespace repal
