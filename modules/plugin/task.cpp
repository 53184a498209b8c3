module repal.task;

namespace repal {

Task::~Task() = default;

}  // namespace repal
