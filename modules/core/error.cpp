module;
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
module repal.error;

namespace repal {
namespace {

std::string message(const std::string& where, const std::string& problem, const std::string& hint) {
    std::string text = where.empty() ? problem : where + ": " + problem;
    if (!hint.empty()) text += "; " + hint;
    return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
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
    std::string nearest;
    std::size_t smallest = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const std::string& candidate : valid) {
        const std::size_t distance = edit_distance(name, candidate);
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
