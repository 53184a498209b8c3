module;
#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
module repal.exchanged;

import repal.group_tests;
import repal.sheet;

namespace repal {

using Eigen::MatrixXd;

Groups::Groups(const std::vector<std::string>& texts) {
    const bool are_numbers =
        std::ranges::all_of(texts, [](const std::string& text) { return number_in(text).has_value(); });
    std::vector<std::string> values;
    for (const std::string& text : texts) values.push_back(are_numbers ? fmt::format("{}", *number_in(text)) : text);
    std::map<std::string, std::size_t> numbers;
    for (const std::string& value : values) numbers[value] = 0;
    for (auto& [name, number] : numbers) {
        number = names.size();
        names.push_back(name);
    }
    for (const std::string& value : values) of.push_back(numbers.at(value));
}

Exchanged exchanged(const MatrixXd& values, const std::vector<std::vector<std::size_t>>& labels,
                    const std::vector<std::size_t>& subjects) {
    const std::size_t n = labels.front().size();
    const MatrixXd squares = values.array().square();
    if (subjects.empty()) return {squares, labels, {}, Exchange::of_all(n), ""};
    std::map<std::vector<std::size_t>, std::size_t> numbers;
    std::vector<std::size_t> combined;
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<std::size_t> all;
        for (const auto& factor : labels) all.push_back(factor[i]);
        combined.push_back(numbers.try_emplace(std::move(all), numbers.size()).first->second);
    }
    const std::size_t n_subjects = std::ranges::max(subjects) + 1;
    std::vector<std::set<std::size_t>> of_subject(n_subjects);
    for (std::size_t i = 0; i < n; ++i) of_subject[subjects[i]].insert(combined[i]);
    const auto varying = std::ranges::count_if(of_subject, [](const auto& found) { return found.size() > 1; });
    if (varying > 0)
        return {squares, labels, subjects, Exchange::of_subjects(subjects, combined),
                static_cast<std::size_t>(varying) == n_subjects
                    ? "labels are exchanged within subjects"
                    : fmt::format("labels are exchanged within the {} of {} subjects in which they vary, and between "
                                  "the others",
                                  varying, n_subjects)};
    std::vector<std::vector<std::size_t>> of_subjects(labels.size(), std::vector<std::size_t>(n_subjects));
    for (std::size_t factor = 0; factor < labels.size(); ++factor)
        for (std::size_t i = 0; i < n; ++i) of_subjects[factor][subjects[i]] = labels[factor][i];
    return {centroid_squares(squares, subjects),
            std::move(of_subjects),
            {},
            Exchange::of_all(n_subjects),
            n_subjects == n ? "" : "subjects are one thing each, at their centroid"};
}

}  // namespace repal
