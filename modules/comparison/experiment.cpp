module;
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
module repal.experiment;

namespace repal {
namespace {

class Given final : public System {
 public:
    Given(std::string identity, Trajectories trajectories)
        : identity_(std::move(identity)), observed_(std::move(trajectories)) {}

    std::string identity() const override { return identity_; }
    Observed observe(const std::filesystem::path& /*results*/) const override { return observed_; }

 private:
    std::string identity_;
    Observed observed_;
};

}  // namespace

System::~System() = default;

bool System::is_ready(const std::filesystem::path& /*results*/) const {
    return true;
}

std::size_t System::bytes() const {
    return 0;
}

std::shared_ptr<const System> given(std::string identity, Trajectories trajectories) {
    return std::make_shared<const Given>(std::move(identity), std::move(trajectories));
}

}  // namespace repal
