module;
#include <cstdint>
#include <functional>
#include <string>
#include <vector>
export module repal.conformance;

export import :test_systems;
export import repal.registry;

/// Whether a plugin keeps what its interface promises, tried on random and on odd input.
namespace repal {

export enum class Verdict : std::uint8_t {
    passed,
    noted,  ///< not wrong, but its author may not know
    failed,
};

export struct Finding {
    Verdict verdict = Verdict::passed;
    std::string detail = {};
};

/// One promise. run() throws what the plugin throws where it may not.
export struct Check {
    std::string name;
    std::function<Finding()> run;
};

export std::vector<Check> checks_of(const LoadedMetric& metric, const OptionValues& options);
export std::vector<Check> checks_of(const LoadedTask& task, const OptionValues& options);

}  // namespace repal
