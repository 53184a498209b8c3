module;
#include <cstddef>
#include <optional>
module repal.task;

namespace repal {

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
