module;
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
module repal.error;

namespace repal {
namespace {

std::string message(const std::string& where, const std::string& problem, const std::string& hint) {
    std::string text = where.empty() ? problem : where + ": " + problem;
    if (!hint.empty()) text += "; " + hint;
    return text;
}

/// Letters that are left out, put in, changed, or exchanged with their neighbour.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Of the first i letters of a and j of b: the last three rows.
    std::vector<std::size_t> row(b.size() + 1);
    std::vector<std::size_t> before;
    std::vector<std::size_t> before_that;
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before_that = std::exchange(before, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({row[j - 1] + 1, before[j] + 1, before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_that[j - 2] + 1);
        }
    }
    return row.back();
}

}  // namespace

InputError::InputError(std::string where, std::string problem, std::string hint)
    : std::runtime_error(message(where, problem, hint)),
      where_(std::move(where)),
      problem_(std::move(problem)),
      hint_(std::move(hint)) {}

InputError::~InputError() = default;

std::string nearest_name(std::string_view name, std::span<const std::string> valid) {
    // Of equally near ones that of the nearest length: "unbiased" is "debiased", not "biased".
    const auto lengths_apart = [&](const std::string& candidate) {
        return std::max(name.size(), candidate.size()) - std::min(name.size(), candidate.size());
    };
    std::string nearest;
    std::pair smallest(std::max<std::size_t>(2, name.size() / 3) + 1, std::size_t{0});
    for (const std::string& candidate : valid) {
        const std::pair distance(edit_distance(name, candidate), lengths_apart(candidate));
        if (distance < smallest) {
            smallest = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

std::string suggest(std::string_view name, std::span<const std::string> valid) {
    if (const std::string nearest = nearest_name(name, valid); !nearest.empty())
        return "did you mean '" + nearest + "'?";
    if (valid.empty()) return "there is none";
    std::string list;
    for (const std::string& candidate : valid) list += (list.empty() ? "" : ", ") + candidate;
    return "one of: " + list;
}

}  // namespace repal
