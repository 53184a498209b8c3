module;
#include <cstddef>
#include <mutex>
#include <string>

#include "repal.h"
export module library.calls;

export import repal.progress;

namespace library {

/// Passes on to the caller what is told, one call at a time.
export class Calls final : public repal::Progress {
 public:
    explicit Calls(const repal_calls* calls);

    /// All that the caller, or this process, may use.
    int threads() const;

    void begin(const std::string& stage, std::size_t total) override;
    void advance() override;
    void warn(const std::string& of, const std::string& text) override;
    bool is_stop_requested() const override;

 private:
    void tell() const;

    repal_calls calls_{};
    mutable std::mutex mutex_;
    mutable bool is_stopped_ = false;
    std::string stage_;
    std::size_t done_ = 0;
    std::size_t total_ = 0;
};

}  // namespace library
