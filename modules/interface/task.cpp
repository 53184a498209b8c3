module;
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>
module repal.task;

namespace repal {

const Period* find_period(const std::vector<Period>& periods, const std::string& name) {
    const auto found = std::ranges::find(periods, name, &Period::name);
    return found == periods.end() ? nullptr : &*found;
}

Task::~Task() = default;

double Task::step_ms() const {
    return 0;
}

std::size_t Task::n_conditions() const {
    return 1;
}

std::optional<std::size_t> Task::ideal_action(const RowMatrix& /*observations*/) const {
    return {};
}

}  // namespace repal
